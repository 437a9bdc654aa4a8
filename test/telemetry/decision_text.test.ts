import assert from 'node:assert/strict'
import test from 'node:test'
import { formatDecisionText } from '../../src/telemetry/decision_text.ts'
import type { DecisionRecord } from '../../src/telemetry/records.ts'
import { decisionRecord } from './decision_record.ts'

const record = decisionRecord()
const columns = (parts: Partial<DecisionRecord>) =>
  formatDecisionText({ ...record, ...parts }, Date.UTC(2026, 0, 1, 20, 17, 31, 2)).split(/ {2,}/)

test('a denial shows when, what, where, by which rule and handler, and why', () => {
  assert.deepEqual(columns({}), [
    '20:17:31.002',
    '403 forbidden',
    'DELETE',
    'api.example.com/orders/17',
    'api:orders',
    'remote_json',
    'policies answered 403',
    '7.01 ms',
    'b1a001c1',
  ])
})

test('an allow shows who', () => {
  const shown = columns({ decision: 'allow', status: 200, code: 'ok', reason: '', refused_by: '' })
  assert.deepEqual(shown.slice(5, 7), ['cookie_session', 'user-1'])
})

test('what is not known is a dash', () => {
  const shown = columns({
    rule: '',
    method: '',
    host: '',
    path: '',
    refused_by: '',
    authenticator: '',
    reason: '',
    subject: '',
  })
  assert.deepEqual(shown.slice(2, 7), ['-', '-', '-', '-', '-'])
})

test('nothing of a request begins a line or controls a terminal', () => {
  const hostile = '\x1b[2J\n\r\u009b31m\u202e\u2028x'
  for (const key of ['rule', 'path', 'host', 'reason', 'refused_by', 'method', 'request_id'] as const) {
    const line = formatDecisionText({ ...record, [key]: hostile }, 0)
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/, key)
    assert.ok(line.includes('\\u001b[2J\\u000a'), key)
  }
})
