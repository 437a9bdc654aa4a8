/** test/e2e/envoy_files — every Envoy file that we hand out is one that Envoy takes, and says no when it cannot ask. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findEnvoy } from '../../../demo/envoy.ts'
import { projectRoot } from '../../../demo/kratos.ts'

const folder = join(projectRoot, 'envoy')

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

/** The YAML blocks of README that are for Envoy, each at the depth at which the minimal file has it. */
test('what README says to paste into an Envoy is taken by one', () => {
  const blocks = [
    ...readFileSync(join(projectRoot, 'README.md'), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm),
  ].map(([, block]) => block as string)
  const [filter, cluster, manager] = blocks.slice(2)
  assert.ok(
    filter?.includes('ext_authz') && cluster?.includes('STRICT_DNS') && manager?.includes('normalize_path'),
  )
  const at = (depth: number, text = '') => text.replace(/^(?=.)/gm, ' '.repeat(depth))
  const text = readFileSync(join(folder, 'minimal.yaml'), 'utf8')
    .replace(/^ {10}normalize_path[\s\S]*?(?= {10}http_filters:)/m, at(10, manager))
    .replace(
      /^ {10}- name: envoy\.filters\.http\.ext_authz[\s\S]*?(?= {10}- name: envoy\.filters\.http\.router)/m,
      at(10, filter),
    )
    .replace(/^ {2}- name: credence[\s\S]*$/m, at(2, cluster))
  for (const block of [filter, cluster, manager])
    assert.ok(text.includes(((block ?? '').split('\n')[1] ?? '').trim()))
  const home = mkdtempSync(join(tmpdir(), 'credence-readme-'))
  writeFileSync(join(home, 'envoy.yaml'), text)
  const { status, stderr } = spawnSync(findEnvoy(), ['--mode', 'validate', '-c', join(home, 'envoy.yaml')], {
    encoding: 'utf8',
  })
  rmSync(home, { recursive: true })
  assert.equal(status, 0, stderr)
})
