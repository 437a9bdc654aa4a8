import assert from 'node:assert/strict'
import test from 'node:test'
import type { HttpFailure, HttpResponse } from '../../../src/clients/http/message.ts'
import { ketoEngineAcpOry } from '../../../src/handlers/authorizers/keto_engine_acp_ory.ts'
import { HandlerConfigError } from '../../../src/handlers/compile/config_error.ts'
import { eraseConfigType } from '../../../src/handlers/handler.ts'
import { buildHandler, createHandlerHarness, testPages } from '../../support/handler_harness.ts'
import { requestWith } from '../../support/request.ts'
import { assertDenial, sessionOf } from '../build.ts'

const CONFIG = { base_url: 'http://keto/base/', required_action: 'read', required_resource: 'a' }
const answered = (status: number, body = ''): HttpResponse => ({
  kind: 'answered',
  status,
  headers: [],
  body,
})
const ALLOWED = answered(200, '{"allowed":true}')

function authorize(config: object, answer: HttpResponse | HttpFailure = ALLOWED, session = sessionOf('u<1')) {
  const harness = createHandlerHarness({ answer })
  return { harness, outcome: buildHandler(ketoEngineAcpOry, { ...CONFIG, ...config }, harness)(session) }
}

test('the request body equals that of Go’s encoder', async () => {
  const session = sessionOf('u<1', undefined, { ...requestWith(), remoteAddress: '5.6.7.8' })
  const { harness, outcome } = authorize(
    { required_action: 'read:{{ .MatchContext.Method }}' },
    ALLOWED,
    session,
  )
  assert.equal(await outcome, session)
  assert.equal(harness.requests[0]?.url, 'http://keto/base/engines/acp/ory/regex/allowed')
  assert.deepEqual(harness.requests[0]?.headers, [['content-type', 'application/json']])
  assert.equal(
    harness.requests[0]?.body,
    '{"action":"read:GET","context":{"remoteIpAddress":"5.6.7.8","requestedAt":"2026-11-22T05:00:00.000Z"},' +
      '"resource":"a","subject":"u\\u003c1"}\n',
  )
})

test('empty templates mean unset, and subject and flavor are configurable', async () => {
  const { harness, outcome } = authorize({
    required_action: '',
    required_resource: '',
    subject: 'me',
    flavor: 'glob',
  })
  await outcome
  assert.match(String(harness.requests[0]?.body), /"action":"unset",.*"resource":"unset","subject":"me"/)
  assert.equal(harness.requests[0]?.url, 'http://keto/base/engines/acp/ory/glob/allowed')
})

/** Observed with Oathkeeper v0.40.9: the peer address is used only if no header names a client. */
for (const [forwarded, real, address] of [
  ['1.2.3.4, 10.0.0.1', '', '1.2.3.4'],
  ['10.0.0.1, 192.168.0.1, 2001:db8::1', '', '2001:db8::1'],
  ['10.0.0.1, 8.8.8.8', '7.7.7.7', '8.8.8.8'],
  ['nonsense, 10.1.1.1', '', ''],
  ['10.1.1.1', '10.2.2.2', '10.2.2.2'],
  ['', '10.2.2.2', '10.2.2.2'],
  ['', '', '9.9.9.9'],
] as const) {
  test(`with respect_forwarded_for_header, sends "${address}" to Keto for "${forwarded}" and "${real}"`, async () => {
    const request = requestWith([
      ['x-forwarded-for', forwarded],
      ['x-real-ip', real],
    ])
    const session = sessionOf('u', undefined, { ...request, remoteAddress: '9.9.9.9' })
    for (const [config, expected] of [
      [{ respect_forwarded_for_header: true }, address],
      [{}, '9.9.9.9'],
    ] as const) {
      const { harness, outcome } = authorize(config, ALLOWED, session)
      await outcome
      assert.match(String(harness.requests[0]?.body), new RegExp(`"remoteIpAddress":"${expected}"`))
    }
  })
}

for (const [answer, status] of [
  [answered(200, '{"allowed":false}'), 403],
  [answered(200, '{}'), 403],
  [answered(403, '{"allowed":true}'), 403],
  [answered(200, '{"Allowed":false}'), 403],
  [answered(200, '{"allowed":"true"}'), 500],
  [answered(200, 'true'), 500],
  [answered(200, ''), 500],
  [answered(201, '{"allowed":true}'), 500],
  [answered(500), 500],
  [{ kind: 'failed', cause: 'connect', message: 'keto: no connection' }, 500],
] as const) {
  test(`${JSON.stringify(answer)} is ${status}`, async () => {
    const outcome = await authorize({}, answer).outcome
    assertDenial(outcome)
    assert.equal(outcome.status, status)
    const code = status === 403 ? 'forbidden' : answer.kind === 'failed' ? 'unavailable' : 'bad_answer'
    assert.equal(outcome.code, code)
  })
}

test('a failing template is a 500 without a call', async () => {
  const { harness, outcome } = authorize({ required_resource: '{{ .Extra.no.more }}' })
  assertDenial(await outcome)
  assert.equal(harness.requests.length, 0)
})

test('rejects the strategy glob', () => {
  const context = { strategy: 'glob', pages: testPages(), warn: () => {} } as const
  assert.throws(
    () => eraseConfigType(ketoEngineAcpOry).build(CONFIG, createHandlerHarness().services, context),
    HandlerConfigError,
  )
})

test('rejects an invalid base_url', () => {
  assert.throws(() => authorize({ base_url: 'keto' }), { name: 'ZodError' })
})
