import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import { createDecisionFormatter } from '../../src/telemetry/decision_formatter.ts'
import type { DecisionRecord } from '../../src/telemetry/records.ts'

const texts = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud800', '"\\\n\u2028\x7f', 'ä€😀'),
)
const records: fc.Arbitrary<DecisionRecord> = fc.record({
  rule: texts,
  revision: fc.constantFrom('', 'f21446d36a4bd15b'),
  decision: fc.constantFrom('allow', 'deny'),
  status: fc.constantFrom(200, 401, 503),
  code: fc.constantFrom('ok', 'no_credential'),
  reason: texts,
  authenticator: texts,
  refused_by: texts,
  error_handler: fc.constantFrom('', 'json'),
  cache: fc.constantFrom('', 'hit'),
  duration_ms: fc.double({ min: 0, max: 1e6, noNaN: true }),
  method: texts,
  scheme: fc.constantFrom('', 'http', 'https', 'ws', 'wss'),
  host: texts,
  path: texts,
  subject: texts,
  client: texts,
  request_id: texts,
  trace_id: fc.constantFrom('', '0af7651916cd43dd8448eb211c80319c'),
})

/** Few values, so that rules repeat with the same and with different outcomes. */
const again = fc
  .record({
    rule: fc.constantFrom('a', 'b'),
    revision: fc.constantFrom('', 'f21446d36a4bd15b'),
    decision: fc.constantFrom('allow' as const, 'deny' as const),
    status: fc.constantFrom(200, 401),
    code: fc.constantFrom('ok' as const, 'forbidden' as const),
    reason: fc.constantFrom('', 'r'),
    authenticator: fc.constantFrom('x', 'y'),
    refused_by: fc.constantFrom('', 'x'),
    error_handler: fc.constantFrom('', 'json'),
    cache: fc.constantFrom('' as const, 'hit' as const),
  })
  .chain(outcome => records.map(record => ({ ...record, ...outcome })))

test('the line of a decision is byte for byte that of pino', () => {
  const wall = () => 1_700_000_000_500
  let line = ''
  const logger = pino(
    {
      base: { service_name: 'credence', service_version: '1' },
      timestamp: () => `,"time":"${new Date(wall()).toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
    },
    {
      write: text => {
        line = text
      },
    },
  )
  const lineOf = createDecisionFormatter(',"service_name":"credence","service_version":"1"', wall)
  fc.assert(
    fc.property(fc.oneof(records, again), record => {
      logger.info(record, record.decision === 'allow' ? 'Access request granted' : 'Access request denied')
      assert.equal(lineOf(record), line)
    }),
    { numRuns: 2_000 },
  )
})

test('each line has the current time', () => {
  let now = 1_700_000_000_000
  const lineOf = createDecisionFormatter('', () => now)
  const record: DecisionRecord = fc.sample(records, 1)[0] as DecisionRecord
  const times = [0, 0, 1, 999].map(step => {
    now += step
    return JSON.parse(lineOf(record)).time
  })
  assert.deepEqual(times, [
    '2023-11-14T22:13:20.000Z',
    '2023-11-14T22:13:20.000Z',
    '2023-11-14T22:13:20.001Z',
    '2023-11-14T22:13:21.000Z',
  ])
})
