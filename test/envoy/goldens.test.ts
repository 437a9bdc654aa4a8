/** Bytes that Envoy 1.40 sent (goldens.jsonl, recorded by capture_goldens.ts) are decoded as what the client sent, and responses are compared byte for byte. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import type { Decision } from '../../src/access/decision.ts'
import { CheckRequestView, decodeCheckRequest } from '../../src/envoy/check_request.ts'
import { encodeDecision, INTERNAL_ERROR_RESPONSE } from '../../src/envoy/check_response.ts'
import type { Instant } from '../../src/lib/time.ts'
import { decodeResponse } from './reference_codec.ts'

const goldens = new Map(
  readFileSync(new URL('goldens.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { name: string; bytes: string })
    .map(({ name, bytes }) => [name, Buffer.from(bytes, 'base64')]),
)
const outcome = (name: string) => {
  const bytes = goldens.get(name)
  assert.ok(bytes, name)
  return decodeCheckRequest(bytes, 0 as Instant, 'strict')
}
const read = (name: string): CheckRequestView => {
  const request = outcome(name)
  assert.ok(request instanceof CheckRequestView, JSON.stringify(request))
  return request
}
const hex = (text: string): string => text.replace(/\s/g, '')
const summary = ({ method, scheme, host, authority, path, query }: CheckRequestView) =>
  `${method} ${scheme} ${host} ${authority} ${path} ${query}`

test('a GET, headers as a map: Envoy joins lines of one name, and replaces a byte that is not UTF-8 by "!"', () => {
  const request = read('a GET, headers as a map')
  assert.equal(summary(request), 'GET http app.test:8080 App.test:8080 /orders x=1')
  assert.deepEqual(request.headerValues('cookie'), ['a=1; s=X,s=Y'])
  assert.deepEqual(request.cookieValues('s'), ['X,s=Y'], 'no session: the comma is part of the value')
  assert.deepEqual(request.headerValues('x-a'), ['1,2'])
  assert.equal(request.header('x-latin'), 'caf!')
  assert.equal(request.header('x-empty'), '')
  assert.equal(request.header('__proto__'), 'x')
  assert.equal(request.header('authorization'), 'Bearer t')
  assert.equal(request.requestId, 'r-1')
  assert.equal(request.remoteAddress, '127.0.0.1')
  assert.equal(request.body, undefined)
  assert.ok([...request.headerEntries()].every(([name]) => !name.startsWith(':')))
})

test('a GET, headers as raw bytes: each line and each byte is kept', () => {
  const request = read('a GET, headers as raw bytes')
  assert.equal(summary(request), 'GET http app.test:8080 App.test:8080 /orders x=1')
  assert.deepEqual(request.headerValues('cookie'), ['a=1; s=X', 's=Y'])
  assert.deepEqual(request.cookieValues('s'), ['X', 'Y'])
  assert.deepEqual(request.headerValues('x-a'), ['1', '2'])
  assert.equal(request.header('x-latin'), 'caf\xe9')
  assert.equal(request.header('x-empty'), '')
  assert.equal(request.header('__proto__'), 'x')
})

test('a path of HTTP/2 with a byte beyond ASCII is denied (J2)', () => {
  const denial = outcome('a path of HTTP/2 with a byte beyond ASCII')
  assert.deepEqual([denial.kind, denial.kind === 'denial' && denial.status], ['denial', 400])
})

test('a gRPC call is a POST of its method', () => {
  const request = read('a gRPC call')
  assert.deepEqual(
    [request.method, request.path, request.header('content-type'), request.header('te')],
    ['POST', '/pkg.Service/Do', 'application/grpc', 'trailers'],
  )
})

for (const form of ['text', 'bytes']) {
  test(`a truncated body as ${form} is read as far as Envoy sent it, and marked as partial`, () => {
    const request = read(`a cut body as ${form}`)
    assert.equal(Buffer.from(request.body ?? []).toString(), '0123456789')
    assert.equal(request.header('x-envoy-auth-partial-body'), 'true')
  })
}

test('a client with a certificate has a principal and a server name', () => {
  const request = read('a client with a certificate')
  assert.equal(summary(request), 'GET https app.test app.test /tls ')
  assert.deepEqual([request.principal, request.sni], ['spiffe://lab/carol', 'app.test'])
})

const metadata = {
  rule: '',
  authenticator: '',
  refusedBy: '',
  code: 'ok',
  reason: '',
  errorHandler: '',
  revision: '',
  subject: '',
  annotations: {},
} as const

/** dynamic_metadata { fields { key: code value { string_value: ok } } } */
const CODE_OK = hex('220e 0a0c 0a04 636f6465 1204 1a02 6f6b')

/** Responses that a client or an upstream depends on, field by field as in external_auth.proto. */
const ANSWERS: Readonly<Record<string, readonly [decision: Decision, grpc: boolean, bytes: string]>> = {
  'an allow with nothing': [
    { kind: 'allow', headers: [], remove: [], responseHeaders: [], metadata },
    false,
    // status { code: 0 }, ok_response {}
    '0a020800 1a00',
  ],
  'an allow that sets, removes and adds': [
    {
      kind: 'allow',
      headers: [{ name: 'x-user-id', value: 'u1' }],
      remove: ['x-role'],
      responseHeaders: [{ name: 'set-cookie', value: 'a=1' }],
      metadata,
    },
    false,
    // headers { header { key, value } append {} append_action: 2 }, headers_to_remove,
    // response_headers_to_add { header }
    `0a020800 1a34
     1215 0a0f 0a09 782d757365722d6964 1202 7531 1200 1802
     2a06 782d726f6c65
     3213 0a11 0a0a 7365742d636f6f6b6965 1203 613d31`,
  ],
  'an allow with an empty header': [
    { kind: 'allow', headers: [{ name: 'x', value: '' }], remove: [], responseHeaders: [], metadata },
    false,
    '0a020800 1a0b 1209 0a03 0a01 78 1200 1802',
  ],
  'a denial': [
    {
      kind: 'deny',
      status: 401,
      headers: [{ name: 'cache-control', value: 'no-store' }],
      body: '{}',
      metadata,
    },
    false,
    // status { code: 16 }, denied_response { status { code: 401 } headers { header append append_action }
    // body }
    `0a020810 122a
     0a03 089103
     121f 0a19 0a0d 63616368652d636f6e74726f6c 1208 6e6f2d73746f7265 1200 1802
     1a02 7b7d`,
  ],
  'a redirect with a cookie': [
    {
      kind: 'deny',
      status: 302,
      headers: [
        { name: 'location', value: '/l' },
        { name: 'set-cookie', value: 'a=1' },
      ],
      body: '',
      metadata,
    },
    false,
    // status { code: 7 }; the cookie has neither append nor action; no-store is added
    `0a020807 1251
     0a03 08ae02
     1214 0a0e 0a08 6c6f636174696f6e 1202 2f6c 1200 1802
     1213 0a11 0a0a 7365742d636f6f6b6965 1203 613d31
     121f 0a19 0a0d 63616368652d636f6e74726f6c 1208 6e6f2d73746f7265 1200 1802`,
  ],
  'the same for a gRPC client': [
    {
      kind: 'deny',
      status: 302,
      headers: [{ name: 'location', value: '/l' }],
      body: '<a>',
      metadata,
    },
    true,
    // 401 with its reason phrase, without the location
    `0a020810 1234
     0a03 089103
     121f 0a19 0a0d 63616368652d636f6e74726f6c 1208 6e6f2d73746f7265 1200 1802
     1a0c 556e617574686f72697a6564`,
  ],
}

for (const [what, [decision, grpc, bytes]] of Object.entries(ANSWERS)) {
  test(`${what} has these bytes`, () => {
    assert.equal(encodeDecision(decision, grpc, subject => subject).toString('hex'), hex(bytes) + CODE_OK)
  })
}

test('the prepared response is a 500 denial, with these bytes', () => {
  const { status, denied_response: denied } = decodeResponse(INTERNAL_ERROR_RESPONSE)
  assert.deepEqual([status?.code, denied?.status?.code], [7, 500])
})
