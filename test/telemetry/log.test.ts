import assert from 'node:assert/strict'
import test from 'node:test'
import type { WallTime } from '../../src/lib/time.ts'
import { createLog } from '../../src/telemetry/log.ts'
import type { LogEvent } from '../../src/telemetry/records.ts'

async function messageOf(event: LogEvent): Promise<string> {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const options = { level: 'info', format: 'json', name: 'credence', version: '0', stream } as const
  const log = await createLog({ ...options, wall: () => 0 as WallTime })
  log.event('info', event)
  return JSON.parse(lines.join('')).msg
}

const reload = {
  event: 'reload',
  trigger: 'file',
  revision: 'r1',
  previous_revision: 'r0',
  rules: 1,
  added: 0,
  removed: 0,
  changed: 0,
  changes: [],
  settings: [],
  problems: 0,
  problems_resolved: 0,
  duration_ms: 3,
} as const
const tls = { event: 'tls', server: 'grpc' } as const

for (const [record, message] of [
  [{ ...reload, outcome: 'changed' }, 'Configuration and rules loaded'],
  [
    { ...reload, outcome: 'changed', added: 1, removed: 2, changed: 3 },
    'Configuration and rules loaded: 1 rule added, 2 removed, 3 changed',
  ],
  [
    { ...reload, outcome: 'partial', changed: 2 },
    'A rule repository cannot be used: its previous rules stay in force: 2 rules changed',
  ],
  [{ ...reload, outcome: 'unchanged' }, 'Configuration and rules unchanged'],
  [{ ...reload, outcome: 'rejected' }, 'Reload rejected: the previous rules stay in force'],
  [{ ...reload, outcome: 'rejected', revision: '' }, 'Reload rejected: no rules are in force'],
  [{ ...tls, state: 'renewed' }, 'TLS certificate renewed'],
  [
    { ...tls, state: 'rejected', reason: 'cannot be read' },
    'New TLS certificate rejected: the previous one stays in use',
  ],
] as const) {
  test(`the message of a record states its outcome: ${message}`, async () => {
    assert.equal(await messageOf(record), message)
  })
}
