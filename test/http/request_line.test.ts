/** The one reader of request lines: what it accepts from Envoy and from gateways, and what it rejects from both. */
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  GATEWAY_SCHEMES,
  HTTP_SCHEMES,
  MAX_HEADERS,
  readRequestLine,
  type StatedRequest,
} from '../../src/http/request_line.ts'

const stated = (parts: Partial<StatedRequest> = {}): StatedRequest => ({
  method: 'GET',
  scheme: 'https',
  authority: 'App.test:443',
  target: '/a%20b/?q=1',
  headerCount: 10,
  ...parts,
})

test('a valid request line is read in all its parts', () => {
  assert.deepEqual(readRequestLine(stated(), HTTP_SCHEMES, 'strict'), {
    kind: 'request line',
    method: 'GET',
    scheme: 'https',
    host: 'app.test',
    authority: 'App.test:443',
    path: '/a b/',
    rawPath: '/a%20b/',
    query: 'q=1',
  })
})

for (const [what, parts] of Object.entries<Partial<StatedRequest>>({
  'a method that is not a token': { method: 'GET /' },
  'a method that is too long': { method: 'A'.repeat(65) },
  'an empty method': { method: '' },
  'an unknown scheme': { scheme: 'ftp' },
  'an empty scheme': { scheme: '' },
  'user information in the authority': { authority: 'admin@app.test' },
  'an empty authority': { authority: '' },
  'a target without a slash': { target: 'a' },
  'a target with a dot segment': { target: '/a/../b' },
})) {
  for (const schemes of [HTTP_SCHEMES, GATEWAY_SCHEMES]) {
    test(`${what} is 400 (${[...schemes].join(', ')})`, () => {
      const line = readRequestLine(stated(parts), schemes, 'strict')
      assert.equal(line.kind === 'invalid request line' && line.status, 400)
    })
  }
}

test('the reason quotes nothing of the request', () => {
  for (const parts of [
    { method: 's3cret s3cret' },
    { scheme: 's3cret' },
    { authority: 's3cret@' },
    { target: 's3cret' },
  ]) {
    const line = readRequestLine(stated(parts), HTTP_SCHEMES, 'strict')
    assert.ok(line.kind === 'invalid request line' && !line.reason.includes('s3cret'))
  }
})

test('schemes of WebSockets are for gateways only', () => {
  assert.equal(
    readRequestLine(stated({ scheme: 'WSS' }), HTTP_SCHEMES, 'strict').kind,
    'invalid request line',
  )
  const line = readRequestLine(stated({ scheme: 'WSS' }), GATEWAY_SCHEMES, 'strict')
  assert.deepEqual(line.kind === 'request line' && [line.scheme, line.host], ['wss', 'app.test'])
})

test('one header too many is 431', () => {
  assert.equal(
    readRequestLine(stated({ headerCount: MAX_HEADERS }), HTTP_SCHEMES, 'strict').kind,
    'request line',
  )
  const line = readRequestLine(stated({ headerCount: MAX_HEADERS + 1 }), HTTP_SCHEMES, 'strict')
  assert.equal(line.kind === 'invalid request line' && line.status, 431)
})
