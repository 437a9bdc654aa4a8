import assert from 'node:assert/strict'
import test from 'node:test'
import { parseActivityFilter } from '../../../src/api/admin/activity_filter.ts'
import { decisionRecord } from '../../telemetry/decision_record.ts'

const matches = (query: string, parts = {}) =>
  parseActivityFilter(new URLSearchParams(query))({
    kind: 'decision',
    sequence: 1,
    wallMs: 0,
    record: decisionRecord(parts),
  })

test('every parameter must match', () => {
  assert.ok(matches(''))
  assert.ok(
    matches('decision=deny&rule=api:orders&code=forbidden&method=DELETE&host=api.example.com&who=user-1'),
  )
  assert.ok(!matches('decision=allow'))
  assert.ok(!matches('rule=api:orders&code=no_rule'))
})

test('a star stands for any text, also for none', () => {
  for (const pattern of ['*', '/orders*', '*17', '/o*/*7', '/orders/17*', '/*r*s*']) {
    assert.ok(matches(`path=${pattern}`), pattern)
  }
  for (const pattern of ['', '/orders', '/orders/17*17', '*x*', '/a*', '*/orders/1']) {
    assert.ok(!matches(`path=${pattern}`), pattern)
  }
  assert.ok(!matches('path=ab*ba', { path: 'aba' }), 'parts must not overlap')
})

test('a hostile pattern takes no time that grows with its stars', () => {
  assert.ok(!matches(`path=${'*a'.repeat(2_000)}b`, { path: 'a'.repeat(8_000) }))
})

test('log events match only without parameters', () => {
  const event = { kind: 'event', sequence: 1, wallMs: 0, level: 'info', event: { event: 'ready' } } as const
  assert.ok(parseActivityFilter(new URLSearchParams(''))(event))
  assert.ok(!parseActivityFilter(new URLSearchParams('decision=deny'))(event))
})
