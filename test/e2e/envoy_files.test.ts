/** test/e2e/envoy_files — every Envoy file that we hand out is one that Envoy takes, and says no when it cannot ask. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findEnvoy } from '../../demo/envoy.ts'
import { root } from '../../demo/kratos.ts'

const folder = join(root, 'envoy')

for (const name of readdirSync(folder).filter(one => one.endsWith('.yaml'))) {
  test(`envoy/${name} passes Envoy's own validation`, () => {
    const { status, stderr } = spawnSync(findEnvoy(), ['--mode', 'validate', '-c', join(folder, name)], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
  })

  test(`envoy/${name} stays closed on failure and reads paths in one way`, () => {
    const text = readFileSync(join(folder, name), 'utf8')
    assert.match(text, /failure_mode_allow: false/)
    assert.match(text, /status_on_error: \{ code: 503 \}/)
    assert.match(text, /normalize_path: true/)
    assert.match(text, /merge_slashes: true/)
    assert.match(text, /authority: credence/)
  })
}
