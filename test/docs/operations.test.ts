import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { METRICS } from '../../src/telemetry/metric_definitions.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const page = read('docs/operations.md')

/** First cells of the table under a heading. */
function documentedNames(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(match => match[1] as string)
}

function sourceBetween(path: string, from: RegExp, to: string): string {
  const text = read(path)
  const start = text.search(from)
  return text.slice(start, text.indexOf(to, start))
}

test('every field of a decision’s log line is documented, and no other', () => {
  const record = sourceBetween('src/telemetry/records.ts', /interface DecisionRecord/, '\n}')
  assert.deepEqual(
    documentedNames('Log'),
    [...record.matchAll(/readonly (\w+):/g)].map(match => match[1]),
  )
})

test('every reason code is documented, and no other', () => {
  const union = sourceBetween('src/access/denial.ts', /export type ReasonCode/, '\n\n')
  assert.deepEqual(
    documentedNames('Reason codes'),
    [...union.matchAll(/\| '(\w+)'/g)].map(match => match[1]),
  )
})

test('every metric is documented with its kind, its labels and what it says, and no other', () => {
  const rows = [...page.matchAll(/^\| `(credence_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$/gm)].map(match =>
    match.slice(1, 5),
  )
  assert.deepEqual(
    rows,
    Object.entries(METRICS).map(([name, row]) => [name, ...row]),
  )
})

test('every service that is called is documented as a target', () => {
  const [, documented = ''] = /^\| `target` \| [^:]*: (.*) \|$/m.exec(page) ?? []
  const targets = ['handlers', 'sessions', 'clients', 'rules'].flatMap(room =>
    readdirSync(new URL(`../../src/${room}/`, import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .flatMap(name => [...read(`src/${room}/${name}`).matchAll(/\btarget(?::| =) '([\w.]+)'/g)])
      .map(match => match[1] as string),
  )
  assert.ok(targets.length > 5)
  for (const target of targets) assert.ok(documented.includes(`\`${target}\``), target)
})
