/** `npm pack` makes a package that runs: it builds first, and contains what a start needs and no sources. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'

const root = new URL('../..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'credence-pack-'))
after(() => rmSync(folder, { recursive: true }))

const CONFIG = `
authenticators: { noop: { enabled: true } }
authorizers: { allow: { enabled: true } }
mutators: { noop: { enabled: true } }
`
const RULES = `
- id: r
  match: { url: "http://app.example.com/<.*>", methods: [GET] }
  authenticators: [ { handler: noop } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
`

test('a packed package validates rules in an empty folder', () => {
  // A copy, because the build writes into the checkout, where other tests run.
  const checkout = join(folder, 'checkout')
  for (const name of [
    'bin',
    'src',
    'scripts',
    'proto',
    'rules',
    'envoy',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'README.md',
    'LICENSE',
  ])
    cpSync(join(root, name), join(checkout, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: checkout })
  execFileSync('sh', ['-c', 'tar -xzf credence-*.tgz'], { cwd: folder })
  const files = execFileSync('find', ['package', '-type', 'f'], { cwd: folder, encoding: 'utf8' }).split('\n')
  assert.ok(files.includes('package/dist/main.js'), files.slice(0, 20).join(' '))
  assert.deepEqual(
    files.filter(file => /^package\/(?:src|test|scripts)\//.test(file)),
    [],
  )
  symlinkSync(join(root, 'node_modules'), join(folder, 'package', 'node_modules'))
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  writeFileSync(join(empty, 'credence.yaml'), CONFIG)
  writeFileSync(join(empty, 'rules.yaml'), RULES)
  const launcher = join(folder, 'package', 'bin', 'credence.js')
  const args = [launcher, 'validate', '--config', 'credence.yaml', 'rules.yaml']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: empty, encoding: 'utf8' })
  assert.match(stdout, /^0 errors, \d+ warnings? in 1 rule$/m, stderr)
  assert.equal(status, 0)
})
