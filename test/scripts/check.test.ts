/** Tests that the tools of `npm run check` report an import cycle and a dead export, with the repository's settings. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const tool = (name: string): string => join(root, 'node_modules', '.bin', name)

/** A git repository with the given files, removed after the test. */
function createFixture(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'credence-check-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  spawnSync('git', ['init', '-q'], { cwd: folder })
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text)
  return folder
}

test('Biome fails on an import cycle, even of types only', t => {
  const folder = createFixture(t, {
    'a.ts': "import type { B } from './b.ts'\n\nexport type A = B | undefined\n",
    'b.ts': "import type { A } from './a.ts'\n\nexport type B = A | null\n",
    'c.ts': "import type { A } from './a.ts'\n\nexport type C = A\n",
    '.gitignore': '',
  })
  const config = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'))
  writeFileSync(join(folder, 'biome.json'), JSON.stringify({ ...config, $schema: undefined }))
  const run = (...files: string[]) =>
    spawnSync(tool('biome'), ['lint', '--diagnostic-level=warn', ...files], { cwd: folder, encoding: 'utf8' })
  const failed = run('a.ts', 'b.ts')
  assert.notEqual(failed.status, 0)
  assert.match(failed.stderr + failed.stdout, /noImportCycles/)
  writeFileSync(join(folder, 'b.ts'), 'export type B = null\n')
  const passed = run('a.ts', 'b.ts')
  assert.equal(passed.status, 0, passed.stderr)
})

test('knip fails on a dead export', t => {
  const folder = createFixture(t, {
    'package.json': '{"name":"fixture","type":"module"}',
    'main.ts': "import { used } from './lib.ts'\n\nconsole.log(used)\n",
    'lib.ts': 'export const used = 1\nexport const unused = 2\n',
  })
  const { ignoreExportsUsedInFile } = JSON.parse(readFileSync(join(root, 'knip.json'), 'utf8'))
  writeFileSync(
    join(folder, 'knip.json'),
    JSON.stringify({ entry: ['main.ts'], project: ['*.ts'], ignoreExportsUsedInFile }),
  )
  copyFileSync(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'))
  const run = () => spawnSync(tool('knip'), ['--no-progress'], { cwd: folder, encoding: 'utf8' })
  const failed = run()
  assert.notEqual(failed.status, 0)
  assert.match(failed.stdout, /unused/)
  writeFileSync(join(folder, 'lib.ts'), 'export const used = 1\n')
  const passed = run()
  assert.equal(passed.status, 0, passed.stdout + passed.stderr)
})

test('every check of CONTRIBUTING is a step of scripts/check.js', () => {
  const script = readFileSync(join(root, 'scripts', 'check.js'), 'utf8')
  for (const step of ['tsc', 'biome', 'architecture.test.ts', 'knip', 'generate.ts', 'check_prose.ts'])
    assert.ok(script.includes(step), step)
})
