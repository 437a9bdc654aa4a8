/** Tests that docs/operations.md lists exactly the log fields, reason codes, metrics and call targets of the code. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { METRICS } from '../../src/telemetry/metric_definitions.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const page = read('docs/operations.md')

/** First cells of the table below a heading. */
function documentedNames(heading: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(match => match[1] as string)
}

function sourceBetween(path: string, from: RegExp, to: string): string {
  const text = read(path)
  const start = text.search(from)
  return text.slice(start, text.indexOf(to, start))
}

test('the log fields of a decision are documented, and no others', () => {
  const record = sourceBetween('src/telemetry/records.ts', /interface DecisionRecord/, '\n}')
  assert.deepEqual(
    documentedNames('Log'),
    [...record.matchAll(/readonly (\w+):/g)].map(match => match[1]),
  )
})

test('the reason codes are documented, and no others', () => {
  const union = sourceBetween('src/access/denial.ts', /export type ReasonCode/, '\n\n')
  assert.deepEqual(
    documentedNames('Reason codes'),
    [...union.matchAll(/\| '(\w+)'/g)].map(match => match[1]),
  )
})

test('the log events are documented, and no others', () => {
  const [, union = ''] = read('src/telemetry/records.ts').split('export type LogEvent')
  const section = page.split('## Log events\n')[1]?.split('\n## ')[0] ?? ''
  const cells = [...section.matchAll(/^\| (`[^|]+) \|/gm)].map(match => match[1] as string)
  const names = (texts: readonly string[], name: RegExp) =>
    [...new Set(texts.flatMap(text => [...text.matchAll(name)].map(match => match[1] as string)))].sort()
  const members = [...union.matchAll(/readonly event: ([^;}\n]*)/g)].map(match => match[1] as string)
  assert.ok(members.length > 5)
  assert.deepEqual(names(cells, /`(\w+)`/g), names(members, /'(\w+)'/g))
})

test('the metrics are documented with type, labels and description, and no others', () => {
  const rows = [...page.matchAll(/^\| `((?:credence|nodejs)_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$/gm)].map(
    match => match.slice(1, 5),
  )
  assert.deepEqual(
    rows,
    Object.entries(METRICS).map(([name, row]) => [name, ...row]),
  )
})

test('every called service is documented as a value of `target`', () => {
  const [, documented = ''] = /^\| `target` \| [^:]*: (.*) \|$/m.exec(page) ?? []
  const targets = ['handlers', 'sessions', 'clients', 'rules'].flatMap(folder =>
    readdirSync(new URL(`../../src/${folder}/`, import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .flatMap(name => [...read(`src/${folder}/${name}`).matchAll(/\btarget(?::| =) '([\w.]+)'/g)])
      .map(match => match[1] as string),
  )
  assert.ok(targets.length > 5)
  for (const target of targets) assert.ok(documented.includes(`\`${target}\``), target)
})
