import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import test, { type TestContext } from 'node:test'
import { revocationsRoute } from '../../src/api/revocations.ts'
import { startApiServer } from '../../src/api/server.ts'
import type { RevocationTarget } from '../../src/sessions/types.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'

const ID = '7458af86-c1d8-401c-978a-8da89133f78b'
const OTHER = '90b31539-08ba-45b1-a5fc-5de840f19d7e'
const NIL = '00000000-0000-0000-0000-000000000000'
const KEY = 'a key of sixteen or more'
const NEXT_KEY = 'the key that will follow'
const PATH = '/sessions/revocations'
/** The time of the fake clock. */
const NOW = '2026-11-22T05:00:00Z'

interface PostOptions {
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  /** Send the body without a content length. */
  readonly chunked?: boolean
}

/** The route on a real api server. */
async function openRoute(t: TestContext) {
  const clock: FakeClock = fakeClock()
  const revoked: RevocationTarget[] = []
  const reachable = { value: true }
  const errors: unknown[] = []
  const rejected: string[] = []
  const api = await startApiServer({
    host: '127.0.0.1',
    port: 0,
    timeouts: { read: 5_000, write: 5_000, idle: 5_000 },
    cors: undefined,
    tls: undefined,
    routes: [
      revocationsRoute({
        keys: [KEY, NEXT_KEY],
        clock,
        onRejected: (reason, address) => rejected.push(`${reason} ${address}`),
        revoke: async one => revoked.push(one) > 0 && reachable.value,
      }),
    ],
    onError: error => errors.push(error),
  })
  t.after(() => api.close())
  t.after(() => assert.deepEqual(errors, []))
  function post({ body = '', headers = { 'x-revocation-key': KEY }, method = 'POST', chunked }: PostOptions) {
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const length = chunked === true ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const call = httpRequest(`http://${api.address}${PATH}`, { method, headers: { ...headers, ...length } })
      call.once('error', reject)
      call.once('response', async answer => {
        let text = ''
        for await (const chunk of answer.setEncoding('utf8')) text += chunk
        resolve({ status: answer.statusCode ?? 0, text })
      })
      call.end(body)
    })
  }
  return { clock, revoked, rejected, post, reachable }
}

for (const [body, expected] of [
  [{ session_id: ID }, { kind: 'session', id: ID }],
  [{ session_id: ID.toUpperCase() }, { kind: 'session', id: ID }],
  [{ identity_id: ID }, { kind: 'identity', id: ID }],
  [
    { identity_id: ID, keep_session_id: OTHER.toUpperCase() },
    { kind: 'identity', id: ID, keep: OTHER },
  ],
  [
    { identity_id: ID, keep_session_id: null },
    { kind: 'identity', id: ID },
  ],
  [
    { identity_id: ID, keep_session_id: NIL },
    { kind: 'identity', id: ID },
  ],
  [{ credential: 'MTc2Mz==' }, { kind: 'credential', value: 'MTc2Mz==' }],
  [{ everything: true }, { kind: 'everything' }],
  [
    { everything: true, before: NOW },
    { kind: 'everything', before: Date.parse(NOW) },
  ],
  [
    { everything: true, before: '2026-11-22T05:30:00.123456789+01:00' },
    { kind: 'everything', before: Date.parse('2026-11-22T04:30:00.123Z') },
  ],
] as const) {
  test(`${JSON.stringify(body)} is revoked`, async t => {
    const { post, revoked } = await openRoute(t)
    assert.deepEqual(await post({ body: JSON.stringify(body) }), { status: 204, text: '' })
    assert.deepEqual(revoked, [expected])
  })
}

for (const body of [
  '',
  'x',
  '[]',
  '{}',
  'null',
  '{"everything":false}',
  '{"everything":"true"}',
  '{"session_id":""}',
  `{"session_id":"${NIL}"}`,
  `{"identity_id":"${NIL}"}`,
  `{"session_id":["${ID}"]}`,
  '{"sessionid":"x"}',
  `{"session_id":"${ID}","identity_id":"${ID}"}`,
  `{"session_id":"${ID}","keep_session_id":"${ID}"}`,
  `{"identity_id":"${ID}","keep_session_id":"x"}`,
  `{"identity_id":"${ID}","cause":"logout"}`,
  '{"credential":""}',
  '{"credential":7}',
  `{"credential":"${'x'.repeat(8193)}"}`,
  '{"before":"2026-11-22T05:00:00Z"}',
  '{"everything":true,"before":"yesterday"}',
  '{"everything":true,"before":1763787600}',
  '{"everything":true,"before":"2026-11-22T05:02:00Z"}',
]) {
  test(`${body.slice(0, 90) || '(empty)'} is 400, revokes nothing and is not quoted`, async t => {
    const { post, revoked } = await openRoute(t)
    const { status, text } = await post({ body })
    assert.equal(status, 400)
    assert.deepEqual(revoked, [])
    assert.ok(!text.includes(ID) && !text.includes('xxx'))
  })
}

test('a revocation that is queued for other replicas is 202', async t => {
  const { post, reachable, revoked } = await openRoute(t)
  reachable.value = false
  assert.equal((await post({ body: '{"everything":true}' })).status, 202)
  assert.equal(revoked.length, 1)
})

const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` })

for (const headers of [
  {},
  { 'x-revocation-key': '' },
  { 'x-revocation-key': 'wrong' },
  { 'x-revocation-key': KEY.slice(1) },
  { 'x-revocation-key': `${KEY}, ${NEXT_KEY}` },
  { authorization: 'Basic x' },
  { authorization: `Basic ${KEY}` },
  basic(`${KEY}:wrong`),
  { authorization: 'Bearer' },
  { 'webhook-signature': 'v1,', 'webhook-id': 'a', 'webhook-timestamp': '1795323600' },
]) {
  test(`a request with ${JSON.stringify(headers)} is 401 and revokes nothing`, async t => {
    const { post, revoked, rejected } = await openRoute(t)
    assert.equal((await post({ body: '{"everything":true}', headers })).status, 401)
    assert.deepEqual(revoked, [])
    assert.match(rejected.join(), /^(no_key|wrong_key|invalid_signature) (::ffff:)?127\.0\.0\.1$/)
  })
}

for (const [how, headers] of [
  ['a header', { 'x-revocation-key': NEXT_KEY }],
  ['a bearer token', { authorization: `bearer ${KEY}` }],
  ['the password of any user', basic(`kratos:${KEY}`)],
] as const) {
  test(`each key is accepted as ${how}`, async t => {
    const { post, revoked } = await openRoute(t)
    assert.equal((await post({ body: '{"everything":true}', headers })).status, 204)
    assert.equal(revoked.length, 1)
  })
}

test('another method is 405, a long body is 413, and a wrong key is 401 before the body is read', async t => {
  const { post, revoked } = await openRoute(t)
  assert.equal((await post({ method: 'PUT' })).status, 405)
  const body = 'x'.repeat(20_000)
  assert.equal((await post({ body })).status, 413)
  assert.equal((await post({ body, chunked: true })).status, 413)
  assert.equal((await post({ body, headers: {} })).status, 401)
  assert.deepEqual(revoked, [])
})

const SIGNED_AT = String(Date.parse(NOW) / 1000)

/** Signs like the libraries of Standard Webhooks. */
function signed(body: string, over: { key?: string | Buffer; id?: string; at?: string } = {}) {
  const { key = KEY, id = 'msg_1', at = SIGNED_AT } = over
  const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': `v1a,x v1,${signature}` }
}

const ONE = `{"session_id":"${ID}"}`
const ALL = '{"everything":true}'

test('a message that is signed with any of the keys needs no key', async t => {
  const { post, revoked } = await openRoute(t)
  assert.equal((await post({ body: ONE, headers: signed(ONE) })).status, 204)
  assert.equal((await post({ body: ONE, headers: signed(ONE, { key: NEXT_KEY, id: 'msg_2' }) })).status, 204)
  assert.equal(revoked.length, 2)
})

test('a message that was changed after signing, or signed with another key or at another time, is 401 (I5)', async t => {
  const { post, revoked, clock } = await openRoute(t)
  const bad = [
    { body: ALL, headers: signed(ONE) },
    { body: ONE, headers: signed(ONE, { key: 'another key of sixteen' }) },
    { body: ONE, headers: { ...signed(ONE), 'webhook-id': 'msg_2' } },
    { body: ONE, headers: { ...signed(ONE), 'webhook-timestamp': String(Number(SIGNED_AT) + 1) } },
    { body: ONE, headers: signed(ONE, { at: 'now' }) },
    { body: ONE, headers: signed(ONE, { at: String(Number(SIGNED_AT) + 301) }) },
    { body: ONE, headers: signed(ONE, { at: String(Number(SIGNED_AT) - 301) }) },
  ]
  for (const one of bad) assert.equal((await post(one)).status, 401)
  clock.advance(301_000)
  assert.equal((await post({ body: ONE, headers: signed(ONE) })).status, 401)
  assert.deepEqual(revoked, [])
})

test('a replayed message revokes nothing (I5)', async t => {
  const { post, revoked, clock } = await openRoute(t)
  assert.equal((await post({ body: ONE, headers: signed(ONE) })).status, 204)
  clock.advance(290_000)
  assert.equal((await post({ body: ONE, headers: signed(ONE) })).status, 204)
  const { 'webhook-signature': signature, ...rest } = signed(ONE)
  const spelled = { ...rest, 'webhook-signature': signature.replace(/=+$/, '') }
  assert.equal((await post({ body: ONE, headers: spelled })).status, 204)
  assert.equal(revoked.length, 1)
})

for (const name of ['ory-webhook-trigger-id', 'webhook-id']) {
  test(`a retry of a hook (${name}) revokes one session again, because Kratos commits after it, and everything only once`, async t => {
    const { post, revoked, clock } = await openRoute(t)
    const headers = { 'x-revocation-key': KEY, [name]: '5f3b1c7e' }
    await post({ body: ONE, headers })
    await post({ body: ONE, headers })
    assert.equal(revoked.length, 2)
    const others = { ...headers, [name]: 'a0c2' }
    await post({ body: ALL, headers: others })
    await post({ body: ALL, headers: others })
    assert.equal(revoked.length, 3)
    clock.advance(121_000)
    await post({ body: ALL, headers: others })
    assert.equal(revoked.length, 4)
  })
}

test('a secret of Standard Webhooks is base64 after its prefix', async t => {
  // The test vector of the specification's own libraries.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const clock = fakeClock(1_614_265_330_000)
  const route = revocationsRoute({ keys: [secret], clock, revoke: async () => true, onRejected: () => {} })
  const api = await startApiServer({
    host: '127.0.0.1',
    port: 0,
    timeouts: { read: 5_000, write: 5_000, idle: 5_000 },
    cors: undefined,
    tls: undefined,
    routes: [route],
    onError: () => {},
  })
  t.after(() => api.close())
  const answer = await fetch(`http://${api.address}${PATH}`, {
    method: 'POST',
    body: '{"test": 2432232314}',
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
  })
  assert.equal(answer.status, 400, 'the signature is valid, and the body is not a revocation')
})
