import assert from 'node:assert/strict'
import test from 'node:test'
import { countStates, createReloadLogger, createRevocationStreamReporter } from '../../src/app/events.ts'
import type { Diagnostic } from '../../src/documents/issue.ts'
import type { ReloadReport } from '../../src/rules/rulebook.ts'
import type { Log } from '../../src/telemetry/log.ts'

const issue = (message: string): Diagnostic => ({
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
  const reported = createReloadLogger(log)
  return reports.map(report => {
    reported({ outcome: 'unchanged', revision: 'r', rules: 1, diagnostics: [], durationMs: 1, ...report })
    return lines.splice(0)
  })
}

test('a reading that brings no news is a line for debugging, and repeats no issue', () => {
  const issues = [issue('one')]
  assert.deepEqual(
    logLinesOf([
      { outcome: 'changed', diagnostics: issues },
      { diagnostics: issues },
      { diagnostics: [issue('two')] },
      {},
      {},
    ]),
    [
      ['warn issue one', 'info reload'],
      ['debug reload'],
      ['warn issue two', 'info reload'],
      ['info reload'],
      ['debug reload'],
    ],
  )
})

test('a refusal is an error each time', () => {
  assert.deepEqual(logLinesOf([{ outcome: 'refused' }, { outcome: 'refused' }]), [
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

test('trouble with Redis is told once of each kind, until the line is up again', () => {
  const lines: string[] = []
  const log = {
    event: (level: string, { state, error }: { state: string; error: string }) =>
      lines.push(`${level} ${state} ${error}`.trim()),
  } as unknown as Log
  const { onRedisError, onStreamEvent } = createRevocationStreamReporter(log, () => {})
  for (let i = 0; i < 3; i++) for (const code of ['ECONNREFUSED', 'ENOTFOUND']) onRedisError(code)
  onStreamEvent('connected')
  onRedisError('ECONNREFUSED')
  assert.deepEqual(lines, [
    'warn trouble ECONNREFUSED',
    'warn trouble ENOTFOUND',
    'info connected',
    'warn trouble ECONNREFUSED',
  ])
})
