/** Tests that Envoy accepts every Envoy file of the repository and of README, and that each one fails closed. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findEnvoy } from '../../../demo/envoy.ts'
import { projectRoot } from '../../../demo/kratos.ts'

const folder = join(projectRoot, 'envoy')

for (const name of readdirSync(folder).filter(file => file.endsWith('.yaml'))) {
  test(`envoy/${name} passes Envoy's own validation`, () => {
    const { status, stderr } = spawnSync(findEnvoy(), ['--mode', 'validate', '-c', join(folder, name)], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
  })

  test(`envoy/${name} fails closed, normalizes paths and keeps its route (A24, D4)`, () => {
    const text = readFileSync(join(folder, name), 'utf8')
    assert.match(text, /failure_mode_allow: false/)
    assert.match(text, /status_on_error: \{ code: 503 \}/)
    assert.match(text, /normalize_path: true/)
    assert.match(text, /merge_slashes: true/)
    assert.match(text, /headers_with_underscores_action: REJECT_REQUEST/)
    assert.match(text, /authority: credence/)
    assert.doesNotMatch(text, /clear_route_cache: true/)
  })
}

/** Puts the Envoy blocks of README into the minimal file, each indented as the part that it replaces. */
test('Envoy accepts the blocks of README', () => {
  const blocks = [
    ...readFileSync(join(projectRoot, 'README.md'), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm),
  ].map(([, block]) => block as string)
  const [filter, cluster, manager] = blocks.slice(2)
  assert.ok(
    filter?.includes('ext_authz') && cluster?.includes('STRICT_DNS') && manager?.includes('normalize_path'),
  )
  const indent = (depth: number, text = '') => text.replace(/^(?=.)/gm, ' '.repeat(depth))
  const text = readFileSync(join(folder, 'minimal.yaml'), 'utf8')
    .replace(/^ {10}normalize_path[\s\S]*?(?= {10}http_filters:)/m, indent(10, manager))
    .replace(
      /^ {10}- name: envoy\.filters\.http\.ext_authz[\s\S]*?(?= {10}- name: envoy\.filters\.http\.router)/m,
      indent(10, filter),
    )
    .replace(/^ {2}- name: credence[\s\S]*$/m, indent(2, cluster))
  for (const block of [filter, cluster, manager])
    assert.ok(text.includes(((block ?? '').split('\n')[1] ?? '').trim()))
  const workFolder = mkdtempSync(join(tmpdir(), 'credence-readme-'))
  writeFileSync(join(workFolder, 'envoy.yaml'), text)
  const { status, stderr } = spawnSync(
    findEnvoy(),
    ['--mode', 'validate', '-c', join(workFolder, 'envoy.yaml')],
    {
      encoding: 'utf8',
    },
  )
  rmSync(workFolder, { recursive: true })
  assert.equal(status, 0, stderr)
})
