/** The record of a denial, with parts of a test's own. */
import type { DecisionRecord } from '../../src/telemetry/records.ts'

export const decisionRecord = (parts: Partial<DecisionRecord> = {}): DecisionRecord => ({
  rule: 'api:orders',
  revision: 'f21446d36a4bd15b',
  decision: 'deny',
  status: 403,
  code: 'forbidden',
  reason: 'policies answered 403',
  authenticator: 'cookie_session',
  refused_by: 'remote_json',
  error_handler: 'json',
  cache: 'hit',
  duration_ms: 7.01,
  method: 'DELETE',
  scheme: 'https',
  host: 'api.example.com',
  path: '/orders/17',
  subject: 'user-1',
  client: '192.0.2.7',
  request_id: 'b1a001c1',
  trace_id: '',
  ...parts,
})
