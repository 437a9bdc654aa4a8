import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { METRICS } from '../../src/telemetry/instruments_table.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const page = read('docs/operations.md')

/** First cells of the table under a heading. */
function documented(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(match => match[1] as string)
}

function body(path: string, from: RegExp, to: string): string {
  const text = read(path)
  const start = text.search(from)
  return text.slice(start, text.indexOf(to, start))
}

test('every field of a decision’s log line is documented, and no other', () => {
  const record = body('src/telemetry/log.ts', /interface DecisionRecord/, '\n}')
  assert.deepEqual(
    documented('Log'),
    [...record.matchAll(/readonly (\w+):/g)].map(match => match[1]),
  )
})

test('every reason code is documented, and no other', () => {
  const union = body('src/access/denial.ts', /export type ReasonCode/, '\n\n')
  assert.deepEqual(
    documented('Reason codes'),
    [...union.matchAll(/\| '(\w+)'/g)].map(match => match[1]),
  )
})

test('every metric is documented with its kind and labels, and no other', () => {
  const rows = [...page.matchAll(/^\| `(credence_\w+)` \| (\w+) \| (.*) \|$/gm)].map(match => [
    match[1],
    match[2],
    match[3],
  ])
  assert.deepEqual(
    rows,
    Object.entries(METRICS).map(([name, [kind, labels]]) => [name, kind, labels]),
  )
})
