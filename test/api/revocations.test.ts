import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import test from 'node:test'
import { type Revocation, revocationsRoute } from '../../src/api/revocations.ts'

const ID = '7458af86-c1d8-401c-978a-8da89133f78b'
const SECRET = 'a secret of sixteen or more'

async function post(
  body: string,
  headers: Record<string, string> = { 'x-revocation-key': SECRET },
  method = 'POST',
) {
  const revoked: Revocation[] = []
  const route = revocationsRoute({ secret: SECRET, revoke: one => revoked.push(one) })
  const message = Object.assign(Readable.from([Buffer.from(body)]), { headers }) as unknown as IncomingMessage
  const reply = await route({ method, path: '/sessions/revocations', query: new URLSearchParams(), message })
  return { status: reply?.status, revoked }
}

for (const [body, expected] of [
  [`{"session_id":"${ID}"}`, { kind: 'session', id: ID }],
  [`{"session_id":"${ID.toUpperCase()}"}`, { kind: 'session', id: ID }],
  [`{"identity_id":"${ID}"}`, { kind: 'identity', id: ID }],
  ['{"everything":true}', { kind: 'everything' }],
] as const) {
  test(`${body} is revoked`, async () => {
    assert.deepEqual(await post(body), { status: 204, revoked: [expected] })
  })
}

for (const body of [
  '',
  'x',
  '[]',
  '{}',
  '{"everything":false}',
  '{"session_id":""}',
  '{"sessionid":"x"}',
  `{"session_id":"${ID}","identity_id":"${ID}"}`,
]) {
  test(`${body || '(empty)'} is 400 and revokes nothing`, async () => {
    assert.deepEqual(await post(body), { status: 400, revoked: [] })
  })
}

for (const headers of [
  {},
  { 'x-revocation-key': '' },
  { 'x-revocation-key': 'wrong' },
  { authorization: 'Basic x' },
]) {
  test(`with ${JSON.stringify(headers)} it is 401 and revokes nothing`, async () => {
    assert.deepEqual(await post('{"everything":true}', headers as Record<string, string>), {
      status: 401,
      revoked: [],
    })
  })
}

test('the secret may come as a bearer token', async () => {
  assert.equal((await post('{"everything":true}', { authorization: `Bearer ${SECRET}` })).status, 204)
})

test('another method is 405, a huge body 413', async () => {
  assert.equal((await post('', { 'x-revocation-key': SECRET }, 'GET')).status, 405)
  assert.equal((await post('x'.repeat(20_000))).status, 413)
})
