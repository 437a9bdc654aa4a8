/** Who may call the admin API: each way in that must be closed is one case. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import test from 'node:test'
import { createAdminAuthorization } from '../../../src/api/admin/authorization.ts'
import type { Instant } from '../../../src/lib/time.ts'

const KEY = 'a-key-of-more-than-24-characters'
let now = 0 as Instant
const clock = { now: () => now }
const statusFor = (
  authorize: ReturnType<typeof createAdminAuthorization>,
  headers: Readonly<Record<string, string>>,
  remoteAddress = '127.0.0.1',
) =>
  authorize({
    headers: { host: '127.0.0.1:4456', ...headers },
    socket: { remoteAddress },
  } as unknown as IncomingMessage)?.status

test('without keys this machine may call, and nobody else', () => {
  const local = createAdminAuthorization({ keys: [], clock })
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
    assert.equal(statusFor(local, {}, address), undefined, address)
  }
  for (const address of ['10.0.0.1', '::2', '', '128.0.0.1', '::ffff:10.0.0.1']) {
    assert.equal(statusFor(local, {}, address), 403, address)
  }
})

test('a name that resolves to this machine is rejected (DNS rebinding)', () => {
  const local = createAdminAuthorization({ keys: [], clock })
  for (const host of ['localhost', 'localhost:4456', '127.0.0.1', '[::1]:4456']) {
    assert.equal(statusFor(local, { host }), undefined, host)
  }
  for (const host of ['evil.example', 'evil.example:4456', '127.0.0.1.evil.example', 'localhost.', '']) {
    assert.equal(statusFor(local, { host }), 421, host)
  }
})

test('a call through a proxy on this machine is not local', () => {
  const local = createAdminAuthorization({ keys: [], clock })
  for (const name of ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'forwarded']) {
    assert.equal(statusFor(local, { [name]: '127.0.0.1' }), 403, name)
  }
})

test('a page of a browser may call nothing, whatever its key', () => {
  for (const keys of [[], [KEY]]) {
    const authorize = createAdminAuthorization({ keys, clock })
    const authorization = `Bearer ${KEY}`
    assert.equal(statusFor(authorize, { authorization, origin: 'https://evil.example' }), 403)
    assert.equal(statusFor(authorize, { authorization, origin: 'http://127.0.0.1:4456' }), 403)
    assert.equal(statusFor(authorize, { authorization, 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(statusFor(authorize, { authorization, 'sec-fetch-site': 'none' }), undefined)
  }
})

test('with keys every call needs one of them, also from this machine', () => {
  const keyed = createAdminAuthorization({ keys: [KEY, `${KEY}-2`], clock })
  assert.equal(statusFor(keyed, {}), 401)
  assert.equal(statusFor(keyed, { authorization: `Bearer ${KEY}` }, '10.0.0.1'), undefined)
  assert.equal(statusFor(keyed, { authorization: `bearer ${KEY}-2` }), undefined)
  for (const authorization of ['Bearer', 'Bearer ', `Bearer ${KEY}x`, `Basic ${KEY}`, KEY]) {
    assert.equal(statusFor(keyed, { authorization }), 401, authorization)
  }
})

test('an address that tries keys is limited, and a right key is accepted nevertheless', () => {
  const keyed = createAdminAuthorization({ keys: [KEY], clock })
  const tries = Array.from({ length: 12 }, (_, i) => statusFor(keyed, { authorization: `Bearer wrong-${i}` }))
  assert.deepEqual(tries.slice(9), [401, 429, 429])
  assert.equal(statusFor(keyed, { authorization: 'Bearer wrong' }, '10.0.0.2'), 401, 'another address')
  assert.equal(statusFor(keyed, { authorization: `Bearer ${KEY}` }), undefined)
  now = (now + 60_000) as Instant
  assert.equal(statusFor(keyed, { authorization: 'Bearer wrong' }), 401)
})
