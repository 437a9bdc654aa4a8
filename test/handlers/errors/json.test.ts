import assert from 'node:assert/strict'
import test from 'node:test'
import { type DenialStatus, denial, unauthorized } from '../../../src/access/denial.ts'
import { json } from '../../../src/handlers/errors/json.ts'
import { requestWith } from '../../support/request.ts'
import { compileHandler } from '../build.ts'

const body = (status: DenialStatus, verbose = false) =>
  JSON.parse(
    compileHandler(json, { verbose })(
      denial(status, 'internal', 'inner words', { reason: 'why' }),
      requestWith(),
    ).body,
  )

for (const [status, text, message] of [
  [400, 'Bad Request', 'The request was malformed or contained invalid parameters'],
  [401, 'Unauthorized', 'The request could not be authorized'],
  [403, 'Forbidden', 'The requested action was forbidden'],
  [404, 'Not Found', 'The requested resource could not be found'],
  [429, 'Too Many Requests', 'Too many requests'],
  [
    500,
    'Internal Server Error',
    'An internal server error occurred, please contact the system administrator',
  ],
  [503, 'Service Unavailable', 'The service is unavailable'],
  [504, 'Gateway Timeout', 'The service did not answer in time'],
  [431, 'Request Header Fields Too Large', 'Request Header Fields Too Large'],
] as const) {
  test(`${status} has a fixed message without internal details (Q-34)`, () => {
    assert.deepEqual(body(status), { error: { code: status, status: text, message } })
  })
}

test('verbose includes message and reason', () => {
  assert.deepEqual(body(403, true), {
    error: { code: 403, status: 'Forbidden', reason: 'why', message: 'inner words' },
  })
})

test('the body contains the request id', () => {
  const answer = compileHandler(json)(unauthorized('no_credential'), { ...requestWith(), requestId: 'r1' })
  assert.equal(JSON.parse(answer.body).error.request, 'r1')
})

test('the response is uncacheable JSON with the challenge of the denial', () => {
  const hints = { wwwAuthenticate: 'Bearer error="x"' }
  const answer = compileHandler(json)(unauthorized('credential_rejected', { hints }), requestWith())
  assert.deepEqual(
    new Map(answer.headers.map(h => [h.name, h.value])),
    new Map([
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
      ['x-content-type-options', 'nosniff'],
      ['www-authenticate', 'Bearer error="x"'],
    ]),
  )
})
