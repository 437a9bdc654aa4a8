import assert from 'node:assert/strict'
import test from 'node:test'
import type { Session } from '../../../src/access/session.ts'
import type { HeaderPair, HttpFailure, HttpResponse } from '../../../src/clients/http/message.ts'
import { remote } from '../../../src/handlers/authorizers/remote.ts'
import { HandlerConfigError } from '../../../src/handlers/compile/config_error.ts'
import type { Instant } from '../../../src/lib/time.ts'
import { buildHandler, createHandlerHarness } from '../../support/handler_harness.ts'
import { requestWith } from '../../support/request.ts'
import { assertDenial, sessionOf } from '../build.ts'

const answered = (status: number, headers: readonly HeaderPair[] = []): HttpResponse => ({
  kind: 'answered',
  status,
  headers,
  body: '',
})
const REMOTE_URL = 'http://policies:8080/may'

function authorize(
  config: object,
  answer: HttpResponse | HttpFailure = answered(200),
  session = sessionOf('u1'),
) {
  const harness = createHandlerHarness({ answer })
  const outcome = buildHandler(remote, { remote: REMOTE_URL, ...config }, harness)(session)
  return { outcome, harness }
}
async function sentRequest(config: object, session?: Session) {
  const { outcome, harness } = authorize(config, answered(200), session)
  await outcome
  assert.equal(harness.requests.length, 1)
  return harness.requests[0]
}

test('sends the body, the content type and the authorization of the request, and nothing else', async () => {
  const body = new TextEncoder().encode('a=1')
  const request = {
    ...requestWith([
      ['Content-Type', 'text/x'],
      ['Authorization', 'Bearer t'],
      ['Cookie', 'a=b'],
    ]),
    body,
    deadline: 77 as Instant,
  }
  const { deadline, ...call } = (await sentRequest({}, sessionOf('u1', undefined, request))) ?? assert.fail()
  assert.equal(typeof deadline === 'function' && deadline(), 77)
  assert.deepEqual(call, {
    method: 'POST',
    url: REMOTE_URL,
    headers: [
      ['content-type', 'text/x'],
      ['authorization', 'Bearer t'],
    ],
    body,
    timeout: 10_000,
    retries: 1,
    target: 'remote',
    caller: { address: '' },
  })
})

test('configured headers replace those of the request, and an empty one is not sent', async () => {
  const request = requestWith([['Authorization', 'Bearer t']])
  const headers = {
    Authorization: 'Basic x',
    'X-Sub': '{{ print .Subject }}',
    'X-No': '',
    'Content-Type': '',
  }
  const call = await sentRequest({ headers }, sessionOf('u1', undefined, request))
  assert.deepEqual(call?.headers, [
    ['content-type', ''],
    ['authorization', 'Basic x'],
    ['x-sub', 'u1'],
  ])
})

for (const [status, code] of [
  [403, 403],
  [429, 429],
  [201, 500],
  [204, 500],
  [302, 500],
  [400, 500],
  [401, 500],
  [404, 500],
  [500, 500],
  [501, 500],
] as const) {
  test(`a response with ${status} is ${code} (Q-65, Q-67)`, async () => {
    const outcome = await authorize({}, answered(status)).outcome
    assertDenial(outcome)
    assert.equal(outcome.status, code)
  })
}

for (const [status, config, outcome] of [
  [204, { allow_statuses: [204] }, 'session'],
  [200, { allow_statuses: [204] }, 'session'],
  [201, { allow_statuses: [204] }, '500 bad_answer'],
  [400, { deny_statuses: [400, 404] }, '400 forbidden'],
  [404, { deny_statuses: [400, 404] }, '404 forbidden'],
  [401, { deny_statuses: [401] }, '401 forbidden'],
  [401, { deny_statuses: [404] }, '500 bad_answer'],
  [403, { deny_statuses: [404] }, '403 forbidden'],
  [429, { deny_statuses: [404] }, '429 rate_limited'],
  [302, { allow_statuses: [204], deny_statuses: [400, 401, 404] }, '500 bad_answer'],
] as const) {
  test(`a response with ${status} and ${JSON.stringify(config)} is ${outcome} (Q-65)`, async () => {
    const made = await authorize(config, answered(status)).outcome
    assert.equal(made.kind === 'session' ? 'session' : `${made.status} ${made.code}`, outcome)
  })
}

for (const [body, outcome] of [
  ['{"result":{"allow":true}}', 'session'],
  ['{"result":{"allow":false}}', '403 forbidden'],
  ['{"result":{"allow":"true"}}', '403 forbidden'],
  ['{"result":{"allow":1}}', '403 forbidden'],
  ['{"result":true}', '403 forbidden'],
  ['{}', '403 forbidden'],
  ['null', '403 forbidden'],
  ['', '500 bad_answer'],
  ['<html>', '500 bad_answer'],
] as const) {
  test(`with allowed_from, the body ${body} is ${outcome} (H9)`, async () => {
    const config = { allowed_from: 'result.allow', forward_response_headers_to_upstream: ['X-Role'] }
    const made = await authorize(config, { ...answered(200, [['x-role', 'a']]), body }).outcome
    assert.equal(made.kind === 'session' ? 'session' : `${made.status} ${made.code}`, outcome)
    if (made.kind === 'session') assert.deepEqual(made.headers, [{ name: 'x-role', value: 'a' }])
  })
}

test('passes on the headers of a 429 (Q-67)', async () => {
  const outcome = await authorize(
    {},
    answered(429, [
      ['retry-after', '7'],
      ['set-cookie', 'a'],
    ]),
  ).outcome
  assertDenial(outcome)
  assert.deepEqual(outcome.headers, [{ name: 'retry-after', value: '7' }])
})

test('a failed call is 500', async () => {
  const outcome = await authorize({}, { kind: 'failed', cause: 'connect', message: 'remote: no connection' })
    .outcome
  assertDenial(outcome)
  assert.deepEqual([outcome.status, outcome.code], [500, 'unavailable'])
})

test('sets headers of the response to their first value, or to an empty value if absent (Q-69)', async () => {
  const { outcome } = authorize(
    { forward_response_headers_to_upstream: ['X-Role', 'X-None'] },
    answered(200, [
      ['x-role', 'a'],
      ['x-role', 'b'],
      ['x-other', 'c'],
    ]),
  )
  assert.deepEqual(((await outcome) as Session).headers, [
    { name: 'x-role', value: 'a' },
    { name: 'x-none', value: '' },
  ])
})

test('a denial sets nothing, and a partial body causes no call (E12, E13)', async () => {
  const request = requestWith([['x-envoy-auth-partial-body', 'true']])
  const { outcome, harness } = authorize({}, answered(200), sessionOf('u1', undefined, request))
  assertDenial(await outcome)
  assert.equal(harness.requests.length, 0)
})

test('a body that the request declares and Envoy does not send causes no call (E12)', async () => {
  const declared = [
    [['content-length', '12']],
    [['transfer-encoding', 'chunked']],
  ] as const satisfies HeaderPair[][]
  for (const headers of declared) {
    const session = sessionOf('u1', undefined, requestWith(headers))
    const { outcome, harness } = authorize({}, answered(200), session)
    const denial = await outcome
    assertDenial(denial)
    assert.deepEqual([denial.status, harness.requests.length], [403, 0])
    const allowed = authorize({ allow_missing_body: true }, answered(200), session)
    assert.notEqual((await allowed.outcome).kind, 'denial', 'the setting restores what Oathkeeper does')
    assert.equal(allowed.harness.requests.length, 1)
  }
  const body = new TextEncoder().encode('twelve bytes')
  const complete = { ...requestWith([['content-length', '12']]), body }
  const empty = requestWith([['content-length', '0']])
  for (const request of [complete, empty]) {
    const { outcome, harness } = authorize({}, answered(200), sessionOf('u1', undefined, request))
    await outcome
    assert.equal(harness.requests.length, 1)
  }
})

test('a value with a control character is a 500 without a call, and is not in the reason (Q-79)', async () => {
  const { outcome, harness } = authorize(
    { headers: { 'x-sub': '{{ .Subject }}' } },
    answered(200),
    sessionOf('a\r\nrole: admin'),
  )
  const denial = await outcome
  assertDenial(denial)
  assert.deepEqual([denial.status, harness.requests.length], [500, 0])
  assert.ok(!JSON.stringify(denial).includes('admin'))
})

for (const [why, config] of [
  ['an invalid name', { headers: { 'x y': '0' } }],
  ['a forwarded framing header', { forward_response_headers_to_upstream: ['Host'] }],
  ['a template that does not parse', { headers: { a: '{{' } }],
] as const) {
  test(`rejects ${why}`, () => {
    assert.throws(() => authorize(config), HandlerConfigError)
  })
}

for (const config of [
  { remote: undefined },
  { remote: 'policies' },
  { remote: 'file:///etc/passwd' },
  { headers: 'x' },
  { forward_response_headers_to_upstream: ['a', 'a'] },
  { retry: { max_delay: '1.5s' } },
  { allow_statuses: [302] },
  { allow_statuses: [99] },
  { deny_statuses: [500] },
  { deny_statuses: [200] },
  { payload: '{}' },
]) {
  test(`${JSON.stringify(config)} does not decode`, () => {
    assert.throws(() => authorize(config), { name: 'ZodError' })
  })
}

test('warns about connection headers and does not send them; Envoy’s own headers are allowed', async () => {
  const headers = { Host: 'other', 'Content-Length': '0', TE: 'trailers', 'X-Envoy-Original-Path': '/p' }
  const { harness, outcome } = authorize({ headers })
  await outcome
  assert.deepEqual(
    harness.requests[0]?.headers.map(([name]) => name),
    ['content-type', 'x-envoy-original-path'],
  )
  const named = harness.warnings.filter(line => line.includes('the HTTP client sets it itself'))
  assert.deepEqual(
    named.map(line => line.split(':')[0]),
    ['headers.Content-Length', 'headers.Host', 'headers.TE'],
  )
})

test('declares the headers that it sets, and warns about the body (Q-70)', () => {
  const config = { remote: REMOTE_URL, forward_response_headers_to_upstream: ['X-Role'] }
  assert.deepEqual(remote.setsHeaders?.(config), ['x-role'])
  assert.match(authorize({}).harness.warnings.join(), /only if Envoy sends it/)
})
