/** Checks words, links and line lengths of the repository's text files; exits with 1 when it finds a problem. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { type ForbiddenWord, findForbiddenWords } from './prose/forbidden_words.ts'
import { findLongLines } from './prose/line_length.ts'
import { findBrokenLinks, findMissingPages } from './prose/links.ts'
import type { Problem, TextFile } from './prose/problem.ts'

/** An argument is the root of another checkout: the tests pass a fixture. */
const root = process.argv[2] ?? join(import.meta.dirname, '..')
const WORDS_FILE = 'docs/forbidden-words.json'

/** Files whose words are checked. Recorded data, lock files and the word list itself are no prose of ours. */
const PROSE = ['src', 'test', 'demo', 'bench', 'scripts', 'docs', 'k8s', 'envoy'].map(
  folder => `${folder}/**`,
)
const NOT_PROSE = [WORDS_FILE, '**/*.jsonl', '**/cases/**', '**/*.schema.json', '**/go.sum']
const isProse = (path: string): boolean =>
  [...PROSE, '*.md', '.github/**'].some(glob => matchesGlob(path, glob)) &&
  !NOT_PROSE.some(glob => matchesGlob(path, glob))

const files = listFiles().map((path): TextFile => ({ path, text: readFileSync(join(root, path), 'utf8') }))
const prose = files.filter(file => isProse(file.path))
const exists = (path: string): boolean => existsSync(join(root, path))
const problems: Problem[] = [
  ...findForbiddenWords(prose, readWords()),
  ...findBrokenLinks(files, exists),
  ...findMissingPages(prose, exists),
  ...findLongLines(files),
]
for (const { path, line, message } of problems) console.error(`${path}:${line}: ${message}`)
if (problems.length > 0) console.error(`${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

/** Returns the files that git tracks or would add. */
function listFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const listed = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr ?? listed.error?.message}`)
  return listed.stdout
    .split('\0')
    .filter(path => path !== '' && statSync(join(root, path), { throwIfNoEntry: false })?.isFile())
}

function readWords(): ForbiddenWord[] {
  return JSON.parse(readFileSync(join(root, WORDS_FILE), 'utf8'))
}
