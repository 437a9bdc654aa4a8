/** Tests that every number which the repository cites has a row in docs/oathkeeper.md or docs/security-cases.md. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { findCitations, withTests } from '../../scripts/describe_citations.ts'
import { INTENDED_DIFFERENCES } from '../conformance/intended_differences.ts'
import { LEDGER } from '../conformance/ledger.ts'
import { PRESERVED_QUIRKS } from '../conformance/preserved_quirks.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Numbers by their anchors, which are the numbers in lower case. */
const rowsOf = (page: string): string[] =>
  [...read(page).matchAll(/^\| <a id="([^"]+)"><\/a>(\S+) \|/gm)].map(([, anchor, number]) => {
    assert.equal(anchor, number?.toLowerCase())
    return number as string
  })
const behaviors = rowsOf('docs/oathkeeper.md')
const cases = rowsOf('docs/security-cases.md')
const known = new Set([...behaviors, ...cases])

const files = ['src', 'test', 'docs', 'demo', 'bench', 'scripts', 'rules', 'k8s', 'envoy']
  .flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(file => join(folder, file)),
  )
  .concat(readdirSync(root).filter(file => file.endsWith('.md')))
  .map(file => file.replaceAll('\\', '/'))
  .filter(file => /\.(?:ts|js|md|ya?ml|jsonl)$/.test(file))

test('no number has two rows', () => {
  assert.equal(known.size, behaviors.length + cases.length)
})

test('every Q number cited anywhere is a row of docs/oathkeeper.md', () => {
  const missing = files.flatMap(file =>
    [...new Set(read(file).match(/\bQ-\d{2}\b/g) ?? [])]
      .filter(number => !known.has(number))
      .map(number => `${file}: ${number}`),
  )
  assert.deepEqual(missing, [])
})

test('every security case cited by its page or in the name of a test is a row of docs/security-cases.md', () => {
  const missing = files.flatMap(file => {
    const text = read(file)
    const byPage = text.match(/security-cases\.md, [A-J]\d{1,2}b?\b/g) ?? []
    const byName = /^test\/.*(?:\.test\.ts|scenarios\/.*\.yaml)$/.test(file) ? [...findCitations(text)] : []
    const cited = [...byPage.map(citation => citation.split(', ')[1] as string), ...byName]
    return [...new Set(cited)].filter(number => !known.has(number)).map(number => `${file}: ${number}`)
  })
  assert.deepEqual(missing, [])
})

test('every difference and every preserved quirk of the conformance suite has a row', () => {
  const numbers = [...INTENDED_DIFFERENCES, ...PRESERVED_QUIRKS, ...LEDGER].map(entry => entry.q)
  assert.deepEqual(
    numbers.filter(number => !known.has(number)),
    [],
  )
})

test('a setting that restores a behavior is named in its row, too', () => {
  const rows = new Map(
    read('docs/oathkeeper.md')
      .split('\n')
      .map(row => [/^\| <a id="[^"]+"><\/a>(\S+) \|/.exec(row)?.[1] ?? '', row]),
  )
  const missing = [...INTENDED_DIFFERENCES, ...PRESERVED_QUIRKS].flatMap(({ q, setting }) =>
    [...setting.matchAll(/`([a-z_.]+)/g)]
      .map(match => match[1] as string)
      .filter(name => rows.has(q) && !rows.get(q)?.includes(name.split('.').at(-1) as string))
      .map(name => `${q}: ${name}`),
  )
  assert.deepEqual(missing, [])
})

test('citations are found in names of tests, tables of tests, scenarios and comments, and nowhere else', () => {
  const text = `test('a (Q-05, D1b)', …)  ['A4', '/x'], 'B1 letters', { case: C2, …}  docs/security-cases.md, H3
    test('b (E12)', …) the G7 states, 'A4x', use B2 here`
  assert.deepEqual([...findCitations(text)].sort(), ['A4', 'B1', 'C2', 'D1b', 'E12', 'H3', 'Q-05'])
})

test('the column of tests is written anew, with the other cells untouched', () => {
  const row = (cell: string) => `| <a id="a1"></a>A1 | a\\|b | c |${cell}|\nother`
  const files = new Map([['A1', ['test/x/y.test.ts']]])
  assert.equal(withTests(row(' '), files, 'open'), row(' [y](../test/x/y.test.ts) '))
  assert.equal(withTests(row(' [old](gone.ts) '), new Map(), 'open'), row(' open '))
})
