import assert from 'node:assert/strict'
import test from 'node:test'
import { countStates, createReloadLogger, createReplicationReporter } from '../../src/app/events.ts'
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

function logLinesOf(reports: readonly Partial<ReloadReport>[]): string[][] {
  const lines: string[] = []
  const log = {
    event: (level: string, record: { event: string; message?: string }) =>
      lines.push([level, record.event, ...(record.message ? [record.message] : [])].join(' ')),
  } as unknown as Log
  const logReload = createReloadLogger(log)
  return reports.map(report => {
    logReload({ outcome: 'unchanged', revision: 'r', rules: 1, diagnostics: [], durationMs: 1, ...report })
    return lines.splice(0)
  })
}

test('an unchanged reload is logged at debug level and repeats no problem', () => {
  const problems = [problem('one')]
  assert.deepEqual(
    logLinesOf([
      { outcome: 'changed', diagnostics: problems },
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
