/** Writes the generated docs and JSON Schemas; with `--check` it writes nothing and exits with 1 when a file is stale. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { HANDLERS } from '../src/handlers/registry.ts'
import { describeScenario } from '../test/scenarios/scenario.ts'
import { readTestsByNumber, withTests } from './describe_citations.ts'
import { describeConfig } from './describe_config.ts'
import { renderDifferencesPage } from './describe_differences.ts'
import { renderHandlersPage } from './describe_handlers.ts'

const root = join(import.meta.dirname, '..')
const config = describeConfig(HANDLERS)

const tests = readTestsByNumber()
const readPage = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Content of each generated file, by its path from the project's root. */
const GENERATED_FILES: Readonly<Record<string, string>> = {
  'docs/configuration.md': config.markdown,
  'docs/handlers.md': renderHandlersPage(),
  'docs/differences.md': renderDifferencesPage(),
  'docs/oathkeeper.md': withTests(readPage('docs/oathkeeper.md'), tests, '–'),
  'docs/security-cases.md': withTests(readPage('docs/security-cases.md'), tests, 'open'),
  'test/scenarios/scenario.schema.json': `${JSON.stringify(describeScenario())}\n`,
  'docs/configuration.schema.json': `${JSON.stringify(config.schema)}\n`,
}

const staleFiles = Object.entries(GENERATED_FILES)
  .map(([path, text]) => [path, formatFile(path, text)] as const)
  .filter(([path, text]) => readIfExists(path) !== text)
if (process.argv.includes('--check')) {
  for (const [path] of staleFiles) console.error(`${path} is stale: run "npm run generate"`)
  process.exitCode = staleFiles.length === 0 ? 0 : 1
} else {
  for (const [path, text] of staleFiles) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
    console.log(`wrote ${path}`)
  }
}

/** Formats JSON with Biome, because the style check covers generated files, too. */
function formatFile(path: string, text: string): string {
  if (path.endsWith('.md')) return text
  const biome = join(root, 'node_modules', '.bin', 'biome')
  const done = spawnSync(biome, ['format', `--stdin-file-path=${path}`], {
    cwd: root,
    input: text,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  })
  if (done.status !== 0) throw new Error(`biome cannot format ${path}: ${done.stderr ?? done.error?.message}`)
  return done.stdout
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return undefined
  }
}
