import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Allow, Decision, DecisionMetadata, Deny } from '../../src/access/decision.ts'
import { validateOutgoingHeaders } from '../../src/access/outgoing_headers.ts'
import type { Header } from '../../src/access/session.ts'
import { encodeDecision, INTERNAL_ERROR_RESPONSE } from '../../src/envoy/check_response.ts'
import { isHeaderValue } from '../../src/http/header_rules.ts'
import { decodeResponse } from './reference_codec.ts'

const metadata: DecisionMetadata = {
  rule: 'r',
  authenticator: 'a',
  refusedBy: '',
  code: 'ok',
  reason: '',
  errorHandler: '',
  revision: '',
  subject: '',
  annotations: {},
}
const allow = (parts: Partial<Allow> = {}): Allow => ({
  kind: 'allow',
  headers: [],
  remove: [],
  responseHeaders: [],
  metadata,
  ...parts,
})
const deny = (parts: Partial<Deny> = {}): Deny => ({
  kind: 'deny',
  status: 401,
  headers: [],
  body: 'no',
  metadata,
  ...parts,
})
const send = (decision: Decision, grpc = false) =>
  decodeResponse(encodeDecision(validateOutgoingHeaders(decision), grpc, subject => subject))

const headers = fc.array(fc.record({ name: fc.string(), value: fc.string({ unit: 'binary' }) }), {
  maxLength: 5,
})
const decisions: fc.Arbitrary<Decision> = fc.oneof(
  fc
    .record({ headers, remove: fc.array(fc.stringMatching(/^[a-z-]+$/)), responseHeaders: headers })
    .map(allow),
  fc.record({ status: fc.integer(), headers, body: fc.string({ unit: 'binary' }) }).map(deny),
)

test('status 0 is sent with ok_response and only with it, whatever the decision contains (F3, F11, J7)', () => {
  fc.assert(
    fc.property(decisions, fc.boolean(), (decision, grpc) => {
      const response = send(decision, grpc)
      const allowed = (response.status?.code ?? 0) === 0
      assert.equal(allowed, response.http_response === 'ok_response')
      assert.equal(!allowed, response.http_response === 'denied_response')
      if (decision.kind === 'deny') assert.ok(!allowed)
      const status = response.denied_response?.status?.code
      assert.ok(allowed || (status !== undefined && status >= 200 && status <= 599))
    }),
    { numRuns: 1_000 },
  )
})

test('request headers overwrite, for every version of Envoy (D1)', () => {
  const response = send(allow({ headers: [{ name: 'x-user-id', value: 'ü1' }], remove: ['x-role'] }))
  const [option] = response.ok_response?.headers ?? []
  assert.deepEqual(option?.header, { key: 'x-user-id', value: 'ü1' })
  assert.deepEqual([option?.append, option?.append_action], [{}, 2])
  assert.deepEqual(response.ok_response?.headers_to_remove, ['x-role'])
})

test('cookies for the client are added one by one (D13)', () => {
  const cookies: Header[] = [
    { name: 'set-cookie', value: 'a=1' },
    { name: 'set-cookie', value: 'b=2' },
  ]
  const added = send(allow({ responseHeaders: cookies })).ok_response?.response_headers_to_add ?? []
  assert.deepEqual(
    added.map(one => [one.header.value, one.append, one.append_action]),
    [
      ['a=1', undefined, undefined],
      ['b=2', undefined, undefined],
    ],
  )
})

for (const [what, header] of Object.entries<Header>({
  'a line break': { name: 'x-a', value: 'b\r\nx-role: admin' },
  'a NUL': { name: 'x-a', value: 'b\0' },
  'a lone surrogate': { name: 'x-a', value: '\ud800' },
  'an empty name': { name: '', value: 'v' },
  'a pseudo header': { name: ':path', value: '/' },
  'content-length': { name: 'content-length', value: '3' },
  connection: { name: 'connection', value: 'x-user-id' },
  host: { name: 'host', value: 'evil' },
  'an Envoy header': { name: 'x-envoy-internal', value: 'true' },
  'too much': { name: 'x-a', value: 'a'.repeat(60_000) },
})) {
  test(`a header with ${what} turns the allow into a 500 that quotes no value (D2, D10, D11, J1, J6, J8)`, () => {
    const fit = validateOutgoingHeaders(allow({ headers: [header] }))
    assert.equal(fit.kind === 'deny' && fit.status, 500)
    assert.ok(!JSON.stringify(fit).includes('x-role: admin'))
  })
}

test('a denial keeps status, headers and body, and no cache may store it', () => {
  const response = send(deny({ status: 302, headers: [{ name: 'location', value: '/login' }], body: 'x' }))
  assert.equal(response.denied_response?.status?.code, 302)
  const sent = new Map(response.denied_response?.headers?.map(one => [one.header.key, one.header.value]))
  assert.deepEqual(
    sent,
    new Map([
      ['location', '/login'],
      ['cache-control', 'no-store'],
    ]),
  )
  assert.equal(response.denied_response?.body, 'x')
})

for (const status of [204, 205, 304]) {
  test(`${status} is sent without a body (J5)`, () => {
    assert.equal(send(deny({ status })).denied_response?.body ?? '', '')
  })
}

test('a status below 200 or above 599 is sent as 500 (J5)', () => {
  for (const status of [0, 99, 100, 101, 103, 199, 600, 999, 200.5])
    assert.equal(send(deny({ status })).denied_response?.status?.code, 500, String(status))
})

test('a gRPC client gets a status instead of a redirect (D17)', () => {
  const response = send(
    deny({ status: 302, headers: [{ name: 'location', value: '/login' }], body: '<a>' }),
    true,
  )
  assert.equal(response.denied_response?.status?.code, 401)
  assert.equal(
    response.denied_response?.headers?.some(one => one.header.key === 'location'),
    false,
  )
  assert.equal(response.denied_response?.body, 'Unauthorized')
})

test('the prepared response denies', () => {
  assert.equal(decodeResponse(INTERNAL_ERROR_RESPONSE).denied_response?.status?.code, 500)
})

test('each valid header is encoded unchanged and in order, for the upstream and for the client', () => {
  const name = fc.stringMatching(/^x-[a-z0-9!#$%&'*+.^_`|~-]{1,20}$/)
  const value = fc
    .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', ' ', 'ü', '\t', 'a'.repeat(300)))
    .filter(isHeaderValue)
  const good = fc.uniqueArray(fc.record({ name, value }, { noNullPrototype: true }), {
    selector: header => header.name,
    maxLength: 20,
  })
  const shown = (options: readonly { header: { key: string; value?: string } }[] = []) =>
    options.map(({ header }) => ({ name: header.key, value: header.value ?? '' }))
  fc.assert(
    fc.property(
      good,
      good,
      fc.array(name),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      (a, b, remove, body) => {
        const ok = send(allow({ headers: a, responseHeaders: b, remove })).ok_response
        assert.deepEqual([shown(ok?.headers), shown(ok?.response_headers_to_add)], [a, b])
        assert.deepEqual(ok?.headers_to_remove ?? [], remove)
        const refused = send(deny({ headers: a, body })).denied_response
        assert.deepEqual(shown(refused?.headers), [...a, { name: 'cache-control', value: 'no-store' }])
        assert.equal(refused?.body ?? '', body.toWellFormed())
      },
    ),
    { numRuns: 300 },
  )
})

test('allows and denials have the facts of the decision as dynamic metadata, and nothing of the request', () => {
  const facts = {
    ...metadata,
    subject: 'user-1',
    revision: 'f21446d3',
    annotations: { cache: 'hit' },
  } as const
  const shown = (decision: Decision, showSubject: (subject: string) => string) =>
    Object.fromEntries(
      Object.entries(
        decodeResponse(encodeDecision(decision, false, showSubject)).dynamic_metadata?.fields ?? {},
      ).map(([key, value]) => [key, value.string_value]),
    )
  assert.deepEqual(
    shown(allow({ metadata: facts }), subject => `<${subject}>`),
    { rule: 'r', code: 'ok', authenticator: 'a', subject: '<user-1>', cache: 'hit', revision: 'f21446d3' },
  )
  const denied = deny({
    metadata: { ...facts, code: 'forbidden', refusedBy: 'deny', errorHandler: 'json', reason: 'why' },
  })
  assert.deepEqual(
    shown(denied, () => ''),
    {
      rule: 'r',
      code: 'forbidden',
      authenticator: 'a',
      refused_by: 'deny',
      error_handler: 'json',
      cache: 'hit',
      revision: 'f21446d3',
    },
  )
})
