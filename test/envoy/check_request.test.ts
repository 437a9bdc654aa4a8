import assert from 'node:assert/strict'
import test from 'node:test'
import { CheckRequestView, decodeCheckRequest } from '../../src/envoy/check_request.ts'
import type { Instant } from '../../src/lib/time.ts'
import { encodeRequest, type HttpFields } from './reference_codec.ts'

const decode = (http: HttpFields, paths: 'strict' | 'oathkeeper' = 'strict') =>
  decodeCheckRequest(encodeRequest(http), 100 as Instant, paths)
const accepted = (http: HttpFields): CheckRequestView => {
  const request = decode(http)
  assert.ok(request instanceof CheckRequestView, JSON.stringify(request))
  return request
}

test('Envoy’s attributes describe the request, and forwarded headers do not (E1–E4)', () => {
  const request = accepted({
    method: 'POST',
    path: '/a/b?q=1?2',
    host: 'App.Example.com:443',
    headers: {
      'x-forwarded-host': 'evil',
      'x-forwarded-proto': 'http',
      'x-original-url': '/admin',
      'x-envoy-original-path': '/admin',
      'x-forwarded-for': '10.0.0.1, for="[::1]"',
      'x-envoy-external-address': '10.0.0.1',
      'x-forwarded-client-cert': 'URI=spiffe://lab/admin',
      'x-request-id': 'r1',
    },
  })
  assert.deepEqual([request.remoteAddress, request.principal], ['127.0.0.1', ''])
  assert.deepEqual(
    [
      request.method,
      request.scheme,
      request.host,
      request.authority,
      request.path,
      request.query,
      request.requestId,
    ],
    ['POST', 'https', 'app.example.com', 'App.Example.com:443', '/a/b', 'q=1?2', 'r1'],
  )
})

test('cookies of several header lines are one list in order', () => {
  const request = accepted({
    header_map: [
      ['cookie', 'a=1; s=X'],
      ['cookie', 's=Y'],
    ],
  })
  assert.deepEqual(request.cookieValues('s'), ['X', 'Y'])
  assert.equal(request.cookie('a'), '1')
  assert.equal(request.cookie('S'), undefined)
})

test('the path is read from the raw headers, which keep bytes that Envoy replaces in the attribute (J2)', () => {
  const raw = decode({ path: '/adm!n', header_map: [[':path', Buffer.from('/adm\xe9n', 'latin1')]] })
  assert.equal(raw.kind, 'denial')
})

for (const [what, http] of Object.entries<HttpFields>({
  'no leading slash': { path: 'admin' },
  'an empty path': { path: '' },
  'an asterisk': { path: '*' },
  'an absolute target': { path: 'http://evil/x' },
  'an empty segment': { path: '//evil/x' },
  'a dot segment': { path: '/a/../b' },
  'an escaped dot segment': { path: '/a/%2E%2e/b' },
  'a dot segment with a parameter': { path: '/a/..;x/b' },
  'an escaped slash': { path: '/a%2fb' },
  'a backslash': { path: '/a\\b' },
  'an escaped backslash': { path: '/a%5Cb' },
  'a fragment': { path: '/a#b' },
  'an escaped NUL': { path: '/a%00' },
  'a malformed escape': { path: '/a%zz' },
  'a double escape': { path: '/%252e%252e/x' },
  'overlong UTF-8': { path: '/%c0%af' },
  'a raw non-ASCII character': { path: '/café' },
  'an empty host': { host: '' },
  userinfo: { host: 'admin@app.example.com' },
  'two hosts': { host: 'app.example.com,evil.example.com' },
  'an escaped host': { host: '%61pp.example.com' },
  'a bad port': { host: 'app.example.com:abc' },
  'port 0': { host: 'app.example.com:0' },
  'a non-ASCII host': { host: 'bücher.example' },
  'an empty label': { host: 'app..example.com' },
  'another scheme': { scheme: 'ftp' },
  'no scheme (B10)': { scheme: '' },
  'two schemes (B10)': { scheme: 'https,http' },
  'no method': { method: '' },
  'a method with a line break': { method: 'GET\r\n' },
})) {
  test(`${what} is 400`, () => {
    const outcome = decode(http)
    assert.equal(outcome.kind, 'denial')
    assert.equal(outcome.kind === 'denial' && outcome.status, 400)
  })
}

test('more than a thousand headers are 431', () => {
  const outcome = decode({ header_map: Array.from({ length: 1_001 }, (_, i) => [`x-${i}`, ''] as const) })
  assert.equal(outcome.kind === 'denial' && outcome.status, 431)
})

test('bytes that are not a CheckRequest, and a Check without an HTTP request, are 400 (F5)', () => {
  for (const bytes of [Buffer.from([0xff, 0xff]), Buffer.alloc(0)]) {
    const outcome = decodeCheckRequest(bytes, 0 as Instant, 'strict')
    assert.equal(outcome.kind === 'denial' && outcome.status, 400)
  }
})

test('paths: oathkeeper decodes and cleans a path instead of denying it', () => {
  const request = decode({ path: '/a/../b%2Fc//d/?x' }, 'oathkeeper')
  assert.equal(request.kind === 'request' && request.path, '/b/c/d')
})

test('the case of a scheme does not matter (B10)', () => {
  assert.equal(accepted({ scheme: 'HTTPS' }).scheme, 'https')
})

for (const id of ['', 'a b', 'a\nb', '\u001b[31m', 'ü', 'x'.repeat(201)]) {
  test(`the request id ${JSON.stringify(id.slice(0, 10))} is left out (I2)`, () => {
    assert.equal(accepted({ header_map: [['x-request-id', id]] }).requestId, '')
  })
}
