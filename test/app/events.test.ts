import assert from 'node:assert/strict'
import test from 'node:test'
import {
  countStates,
  createReloadLogger,
  createReplicationReporter,
  summarizeReload,
} from '../../src/app/events.ts'
import type { Diagnostic } from '../../src/documents/diagnostic.ts'
import type { ReloadReport } from '../../src/rules/rulebook.ts'
import type { Log } from '../../src/telemetry/log.ts'

const problem = (message: string): Diagnostic => ({
  severity: 'warning',
  source: 'rules.yml',
  line: 1,
  column: 1,
  path: '',
  message,
  hint: '',
})

const REPORT: ReloadReport = {
  trigger: 'poll',
  outcome: 'unchanged',
  revision: 'r',
  previousRevision: 'r',
  changes: { added: [], removed: [], changed: [] },
  changedSettings: [],
  rules: 1,
  diagnostics: [],
  durationMs: 1,
}

function logLinesOf(reports: readonly Partial<ReloadReport>[]): string[][] {
  const lines: string[] = []
  const log = {
    event: (level: string, record: { event: string; message?: string }) =>
      lines.push([level, record.event, ...(record.message ? [record.message] : [])].join(' ')),
  } as unknown as Log
  const logReload = createReloadLogger(log)
  return reports.map(report => {
    logReload({ ...REPORT, ...report })
    return lines.splice(0)
  })
}

test('an unchanged reload is logged at debug level and repeats no problem', () => {
  const problems = [problem('one')]
  assert.deepEqual(
    logLinesOf([
      { outcome: 'changed', previousRevision: undefined, diagnostics: problems },
      { diagnostics: problems },
      { diagnostics: [problem('two')] },
      {},
      {},
    ]),
    [
      ['warn config_problem one', 'info reload'],
      ['debug reload'],
      ['warn config_problem two', 'info reload'],
      ['info reload'],
      ['debug reload'],
    ],
  )
})

test('of several problems only the new ones are logged', () => {
  assert.deepEqual(
    logLinesOf([
      { diagnostics: [problem('one'), problem('two')] },
      { diagnostics: [problem('two'), problem('three')] },
    ]),
    [
      ['warn config_problem one', 'warn config_problem two', 'info reload'],
      ['warn config_problem three', 'info reload'],
    ],
  )
})

test('a partial reload is a warning once, and an operator always gets an answer', () => {
  assert.deepEqual(
    logLinesOf([
      { outcome: 'partial', diagnostics: [problem('one')] },
      { outcome: 'partial', diagnostics: [problem('one')] },
      { outcome: 'partial', diagnostics: [problem('one')], trigger: 'signal' },
      { outcome: 'unchanged', trigger: 'signal' },
    ]),
    [['warn config_problem one', 'warn reload'], ['debug reload'], ['warn reload'], ['info reload']],
  )
})

test('a summary counts all changes and names the first', () => {
  const many = Array.from({ length: 30 }, (_, i) => `r${i}`)
  const summary = summarizeReload({
    ...REPORT,
    changes: { added: ['a'], removed: ['b'], changed: many },
    changedSettings: ['log.level'],
  })
  assert.deepEqual([summary.added, summary.removed, summary.changed], [1, 1, 30])
  assert.deepEqual(summary.changes.slice(0, 3), ['+a', '-b', '~r0'])
  assert.equal(summary.changes.length, 20)
  assert.deepEqual(summary.settings, ['log.level'])
  const atStart = {
    ...REPORT,
    previousRevision: undefined,
    changes: { added: many, removed: [], changed: [] },
  }
  assert.deepEqual(summarizeReload(atStart).changes, [])
})

test('a rejected reload is logged as an error every time', () => {
  assert.deepEqual(logLinesOf([{ outcome: 'rejected' }, { outcome: 'rejected' }]), [
    ['error reload'],
    ['error reload'],
  ])
})

test('repositories are counted by state', () => {
  const state = (of: 'fresh' | 'stale') => ({ source: 's', kind: 'file', state: of, rules: 0 }) as const
  assert.deepEqual(countStates([state('fresh'), state('stale'), state('fresh')]), {
    fresh: 2,
    stale: 1,
    missing: 0,
  })
})

test('each error of the Redis client is logged once until the next connection', () => {
  const lines: string[] = []
  const log = {
    event: (level: string, { state, error }: { state: string; error: string }) =>
      lines.push(`${level} ${state} ${error}`.trim()),
  } as unknown as Log
  const { onRedisError, onStreamEvent } = createReplicationReporter(log, () => {})
  for (let i = 0; i < 3; i++) for (const code of ['ECONNREFUSED', 'ENOTFOUND']) onRedisError(code)
  onStreamEvent('connected')
  onRedisError('ECONNREFUSED')
  assert.deepEqual(lines, [
    'warn error ECONNREFUSED',
    'warn error ENOTFOUND',
    'info connected',
    'warn error ECONNREFUSED',
  ])
})
