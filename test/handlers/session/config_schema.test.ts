import assert from 'node:assert/strict'
import test from 'node:test'
import type { Identity } from '../../../src/access/session.ts'
import { cookieSession } from '../../../src/handlers/authenticators/cookie_session.ts'
import { millis } from '../../../src/lib/time.ts'
import { createSessionVerifier } from '../../../src/sessions/verifier.ts'
import { fakeClock } from '../../support/clock.ts'
import { buildHandler, createHandlerHarness } from '../../support/handler_harness.ts'
import { IDENTITY_ID, liveSession } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'

const REJECTED = { kind: 'rejected', cache: 'miss' } as const
const DEFAULT = 'http://kratos/sessions/whoami'
const TENANTS = {
  'a.example.com': 'http://kratos-a/sessions/whoami',
  'B.example.com:8443': 'http://kratos-b/sessions/whoami',
}
const config = { check_session_url: DEFAULT, only: ['s'], check_session_url_by_host: TENANTS }

for (const [host, url] of [
  ['a.example.com', TENANTS['a.example.com']],
  ['b.example.com:8443', TENANTS['B.example.com:8443']],
  ['b.example.com', DEFAULT],
  ['x.a.example.com', DEFAULT],
  ['constructor', DEFAULT],
] as const) {
  test(`asks ${url} for the session of a request to ${host} (C7)`, async () => {
    const harness = createHandlerHarness({ verdict: REJECTED })
    await buildHandler(cookieSession, config, harness)(requestWith([['cookie', 's=1']], { authority: host }))
    assert.deepEqual(
      harness.verifyCalls.map(({ endpoint }) => endpoint.whoamiUrl),
      [url],
    )
  })
}

test('an entry with a default port matches the host without it, unless that host has an entry (Q-20, C7)', async () => {
  const by = {
    'c.example.com': 'http://kratos-c/sessions/whoami',
    'c.example.com:443': 'http://kratos-d/sessions/whoami',
    'e.example.com:443': 'http://kratos-e/sessions/whoami',
  }
  const harness = createHandlerHarness({ verdict: REJECTED })
  const run = buildHandler(cookieSession, { ...config, check_session_url_by_host: by }, harness)
  for (const host of ['c.example.com', 'c.example.com:443', 'e.example.com'])
    await run(requestWith([['cookie', 's=1']], { authority: host }))
  const asked = harness.verifyCalls.map(({ endpoint }) => new URL(endpoint.whoamiUrl).host)
  assert.deepEqual(asked, ['kratos-c', 'kratos-d', 'kratos-e'])
})

test('one host may use Kratos and another one another endpoint', async () => {
  const by = { 'old.example.com': 'http://store/me' }
  const answer = {
    kind: 'answered',
    status: 200,
    headers: [],
    body: '{"identity":{"id":"x"},"subject":"y"}',
  } as const
  const harness = createHandlerHarness({ verdict: REJECTED, answer })
  const run = buildHandler(cookieSession, { ...config, check_session_url_by_host: by }, harness)
  const outcome = await run(requestWith([['cookie', 's=1']], { authority: 'old.example.com' }))
  assert.equal((outcome as Identity).subject, 'y')
  assert.equal(harness.verifyCalls.length, 0)
})

test('the same cookie for two Kratos is two sessions, cached and in flight (C7)', async () => {
  const A = 'a.example.com'
  const B = 'b.example.com:8443'
  const asked: string[] = []
  const sessions = createSessionVerifier({
    clock: fakeClock(),
    async whoami({ url }) {
      asked.push(url)
      const id = IDENTITY_ID.replace(/^./, url.includes('kratos-a') ? 'a' : 'b')
      return liveSession([], { identity: { id, state: 'active' } })
    },
    maxAge: millis(60_000),
    maxEntries: 100,
    holdoff: millis(5_000),
    staleIfError: millis(60_000),
    secret: Buffer.from('secret of a test'),
    random: () => 0,
  })
  const harness = createHandlerHarness()
  const run = buildHandler(cookieSession, config, {
    ...harness,
    services: { ...harness.services, kratos: sessions },
  })
  const ask = async (authority: string) =>
    ((await run(requestWith([['cookie', 's=the same']], { authority }))) as Identity).subject[0]
  assert.deepEqual(await Promise.all([A, B, A, B].map(ask)), ['a', 'b', 'a', 'b'])
  assert.deepEqual(await Promise.all([B, A].map(ask)), ['b', 'a'])
  assert.deepEqual(asked, [TENANTS['a.example.com'], TENANTS['B.example.com:8443']])
})

for (const [what, by] of [
  ['an invalid host', { 'a b': DEFAULT }],
  ['an invalid URL', { 'a.example.com': '/whoami' }],
] as const) {
  test(`rejects ${what}`, () => {
    const bad = { ...config, check_session_url_by_host: by }
    assert.throws(() => buildHandler(cookieSession, bad, createHandlerHarness()), /must be/)
  })
}
