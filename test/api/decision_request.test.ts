/** Limits of a request to /decisions that Node's own limits hide from a test over a socket. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import test from 'node:test'
import { readDecisionRequest } from '../../src/api/decision_request.ts'
import type { Instant } from '../../src/lib/time.ts'

const requestOf = (headerLines: number) => {
  const lines = Array.from({ length: headerLines - 1 }, (_, i) => [`x-${i}`, ''])
  const message = {
    method: 'GET',
    url: '/decisions/a',
    headers: { host: 'app.test' },
    rawHeaders: ['host', 'app.test', ...lines.flat()],
    socket: { remoteAddress: '127.0.0.1' },
  } as unknown as IncomingMessage
  return readDecisionRequest(message, {
    body: new Uint8Array(),
    deadline: 0 as Instant,
    paths: 'strict',
    isTrustedProxy: () => false,
    directOverrides: new Set(),
  })
}

test('more than a thousand header lines are 431, as in a Check', () => {
  assert.equal(requestOf(1_000).kind, 'request')
  const denial = requestOf(1_001)
  assert.deepEqual(denial.kind === 'denial' && [denial.status, denial.code], [431, 'headers_too_large'])
})
