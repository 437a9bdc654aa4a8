import assert from 'node:assert/strict'
import test from 'node:test'
import type { Credential, Verdict } from '../../src/access/verdict.ts'
import type { HttpFailure, HttpResponse } from '../../src/clients/http/message.ts'
import { type Instant, millis } from '../../src/lib/time.ts'
import type { SessionEndpoint } from '../../src/sessions/types.ts'
import { createSessionVerifier } from '../../src/sessions/verifier.ts'
import { fakeClock } from '../support/clock.ts'
import {
  answered,
  type FakeKratos,
  fakeKratos,
  liveSession,
  SECOND_FACTOR_REQUIRED,
} from '../support/kratos.ts'
import { requestWith } from '../support/request.ts'

const cookie = (value: string, name = 'ory_kratos_session'): Credential => ({ kind: 'cookie', name, value })
const KRATOS: SessionEndpoint = {
  whoamiUrl: 'http://kratos:4433/sessions/whoami',
  headers: [],
  maxAge: undefined,
}
const OFF: SessionEndpoint = { ...KRATOS, maxAge: millis(0) }
const RESET: HttpFailure = { kind: 'failed', cause: 'reset', message: 'kratos.whoami: the connection ended' }

function setup(
  kratos: FakeKratos,
  over: { maxAge?: number; random?: () => number; maxEntries?: number; grace?: number } = {},
) {
  const clock = fakeClock()
  const sessions = createSessionVerifier({
    clock,
    whoami: kratos.whoami,
    maxAge: millis(over.maxAge ?? 60_000),
    maxEntries: over.maxEntries ?? 100,
    staleIfError: millis(over.grace ?? 0),
    holdoff: millis(5_000),
    secret: Buffer.from('secret of a test'),
    random: over.random ?? (() => 0),
  })
  const verify = (
    credential = cookie('a'),
    endpoint = KRATOS,
    options: { fresh?: boolean; deadline?: number } = {},
  ) => {
    const { fresh = false, deadline = Number.POSITIVE_INFINITY } = options
    return sessions.verify(endpoint, credential, requestWith([], { deadline: deadline as Instant }), {
      fresh,
    })
  }
  return { clock, sessions, verify }
}

/** A response that the test resolves. */
const pendingAnswer = () => Promise.withResolvers<HttpResponse | HttpFailure>()
const verdictLabel = (verdict: Verdict): string =>
  'cache' in verdict ? `${verdict.kind} ${verdict.cache}` : verdict.kind

test('calls Kratos once per freshness lifetime; a cache hit needs no promise', async () => {
  const kratos = fakeKratos(liveSession())
  const { clock, verify } = setup(kratos)
  assert.equal(verdictLabel(await verify()), 'verified miss')
  clock.advance(59_999)
  const hit = verify()
  assert.ok(!(hit instanceof Promise))
  assert.equal(verdictLabel(hit), 'verified hit')
  clock.advance(1)
  assert.equal(verdictLabel(await verify()), 'verified miss')
  assert.equal(kratos.calls.length, 2)
})

test('a thousand concurrent requests with one session share one call', async () => {
  const answer = pendingAnswer()
  const kratos = fakeKratos(answer.promise)
  const { verify } = setup(kratos)
  const waiting = Array.from({ length: 1000 }, () => verify())
  answer.resolve(liveSession())
  const states = (await Promise.all(waiting)).map(verdictLabel)
  assert.equal(kratos.calls.length, 1)
  assert.deepEqual([states[0], ...new Set(states.slice(1))], ['verified miss', 'verified joined'])
})

test('each request waits until its own deadline; one that leaves does not cancel the call', async () => {
  const answer = pendingAnswer()
  const kratos = fakeKratos(answer.promise)
  const { clock, verify } = setup(kratos)
  const impatient = verify(cookie('a'), KRATOS, { deadline: clock.now() + 30 })
  const patient = verify()
  const past = await verify(cookie('a'), KRATOS, { deadline: clock.now() - 1 })
  assert.equal(past.kind, 'unavailable')
  assert.equal((await impatient).kind, 'unavailable')
  answer.resolve(liveSession())
  assert.equal(verdictLabel(await patient), 'verified joined')
  assert.equal(verdictLabel(await verify()), 'verified hit')
  assert.equal(kratos.calls.length, 1)
})

test('a thousand requests with their own deadlines: half get 503, the others the result of the one call (C25)', async () => {
  const answer = pendingAnswer()
  const kratos = fakeKratos(answer.promise)
  const { clock, verify } = setup(kratos)
  const impatient = Array.from({ length: 500 }, (_, i) =>
    verify(cookie('a'), KRATOS, { deadline: clock.now() + (i % 20) - 1 }),
  )
  const patient = Array.from({ length: 500 }, () => verify())
  const early = await Promise.all(impatient)
  assert.deepEqual(new Set(early.map(verdictLabel)), new Set(['unavailable']))
  answer.resolve(liveSession())
  assert.deepEqual(new Set((await Promise.all(patient)).map(verdictLabel)), new Set(['verified joined']))
  assert.equal(verdictLabel(await verify()), 'verified hit')
  assert.equal(kratos.calls.length, 1)
})

test('a failed call fails for all requests that share it, and for none after (C25)', async () => {
  const answer = pendingAnswer()
  const kratos = fakeKratos(answer.promise, liveSession())
  const { verify } = setup(kratos)
  const waiting = Array.from({ length: 1000 }, () => verify())
  answer.resolve(RESET)
  assert.deepEqual(
    new Set((await Promise.all(waiting)).map(verdictLabel)),
    new Set(['unavailable miss', 'unavailable joined']),
  )
  assert.equal(verdictLabel(await verify()), 'verified miss')
  assert.equal(kratos.calls.length, 2)
})

for (const [what, answer, kind] of [
  ['401', answered(401), 'rejected'],
  ['a second factor', SECOND_FACTOR_REQUIRED, 'second factor'],
  ['another 403', answered(403), 'unavailable'],
  ['429', answered(429), 'limited'],
  ['500', answered(500), 'unavailable'],
  ['HTML', answered(200, '<html>'), 'unavailable'],
  ['an inactive session', liveSession([], { active: false }), 'rejected'],
  ['a reset', RESET, 'unavailable'],
] as const) {
  test(`${what} is returned and not cached`, async () => {
    const kratos = fakeKratos(answer, liveSession())
    const { sessions, verify } = setup(kratos)
    assert.equal((await verify()).kind, kind)
    assert.equal(sessions.size, 0)
    assert.equal(verdictLabel(await verify()), 'verified miss')
    assert.equal(kratos.calls.length, 2)
  })
}

for (const [what, answer, state] of [
  ['a rejection evicts', answered(401), 'rejected miss'],
  ['a second factor evicts', SECOND_FACTOR_REQUIRED, 'second factor miss'],
  ['a failure keeps', RESET, 'verified hit'],
] as const) {
  test(`${what} the cached session on a fresh lookup (C26)`, async () => {
    const kratos = fakeKratos(liveSession(), answer)
    const { verify } = setup(kratos)
    await verify()
    await verify(cookie('a'), KRATOS, { fresh: true })
    assert.equal(verdictLabel(await verify()), state)
  })
}

test('a whoami that throws is `unavailable` for all requests that wait', async () => {
  const { verify } = setup(fakeKratos())
  const both = await Promise.all([verify(), verify()])
  assert.deepEqual(
    both.map(verdict => verdict.kind),
    ['unavailable', 'unavailable'],
  )
})

test('Set-Cookie goes to the requests that wait for the call, and to none after', async () => {
  const answer = pendingAnswer()
  const kratos = fakeKratos(answer.promise)
  const { verify } = setup(kratos)
  const waiting = [verify(), verify()]
  answer.resolve(liveSession([['set-cookie', 'ory_kratos_session=new; Path=/']]))
  const renewed = [{ name: 'set-cookie', value: 'ory_kratos_session=new; Path=/' }]
  for (const verdict of await Promise.all(waiting)) {
    assert.ok(verdict.kind === 'verified')
    assert.deepEqual(verdict.responseHeaders, renewed)
  }
  const hit = await verify()
  assert.ok(hit.kind === 'verified')
  assert.deepEqual(hit.responseHeaders, [])
})

test('unequal credentials, kinds, names, servers and static headers share no entry (C1, C4, C7)', async () => {
  const kratos = fakeKratos(liveSession())
  const { verify } = setup(kratos)
  const header = (value: string): SessionEndpoint => ({ ...KRATOS, headers: [{ name: 'x-tenant', value }] })
  const all: readonly (readonly [Credential, SessionEndpoint])[] = [
    [cookie('a'), KRATOS],
    [cookie('b'), KRATOS],
    [cookie('a', 'other_session'), KRATOS],
    [{ kind: 'token', name: '', value: 'a' }, KRATOS],
    [cookie('a', ''), KRATOS],
    [cookie('a'), { ...KRATOS, whoamiUrl: 'http://kratos2:4433/sessions/whoami' }],
    [cookie('a'), header('1')],
    [cookie('a'), header('2')],
  ]
  for (const [credential, endpoint] of all) {
    assert.equal(verdictLabel(await verify(credential, endpoint)), 'verified miss')
  }
  for (const [credential, endpoint] of all) {
    const same = { ...endpoint }
    assert.equal(verdictLabel(await verify(credential, same)), 'verified hit')
  }
  assert.equal(kratos.calls.length, all.length)
})

test('a rule may shorten the maximum age, not lengthen it', async () => {
  const kratos = fakeKratos(liveSession())
  const { clock, verify } = setup(kratos)
  const brief: SessionEndpoint = { ...KRATOS, maxAge: millis(1_000) }
  const long: SessionEndpoint = { ...KRATOS, maxAge: millis(3_600_000) }
  await verify(cookie('a'), brief)
  clock.advance(1_000)
  assert.equal(verdictLabel(await verify()), 'verified hit', 'fresh by the maximum age of the service')
  assert.equal(verdictLabel(await verify(cookie('a'), brief)), 'verified miss')
  clock.advance(59_999)
  assert.equal(verdictLabel(await verify(cookie('a'), long)), 'verified hit')
  clock.advance(1)
  assert.equal(verdictLabel(await verify(cookie('a'), long)), 'verified miss')
})

test('a rule without cache neither reads nor fills it, but shares a call', async () => {
  const kratos = fakeKratos(liveSession())
  const { sessions, verify } = setup(kratos)
  const both = await Promise.all([verify(cookie('a'), OFF), verify(cookie('a'), OFF)])
  assert.deepEqual(both.map(verdictLabel), ['verified off', 'verified joined'])
  assert.equal(sessions.size, 0)
  await verify()
  assert.equal(verdictLabel(await verify(cookie('a'), OFF)), 'verified off')
  assert.equal(kratos.calls.length, 3)
})

test('the duration of the call counts as age', async () => {
  const answer = pendingAnswer()
  const kratos = fakeKratos(answer.promise)
  const { clock, verify } = setup(kratos)
  const waiting = verify()
  clock.advance(1_500)
  answer.resolve(liveSession())
  await waiting
  clock.advance(58_499)
  assert.equal(verdictLabel(await verify()), 'verified hit')
  clock.advance(1)
  assert.equal(verdictLabel(await verify()), 'verified miss')
})

test('Ory-Session-Cache-For, the session expiry and the jitter shorten the lifetime', async () => {
  const cacheFor = setup(fakeKratos(liveSession([['ory-session-cache-for', '5']])))
  await cacheFor.verify()
  cacheFor.clock.advance(5_000)
  assert.equal(verdictLabel(await cacheFor.verify()), 'verified miss')

  const ending = setup(fakeKratos(liveSession([], { expires_at: '2026-11-22T05:00:10Z' })))
  await ending.verify()
  ending.clock.advance(8_000)
  assert.equal(verdictLabel(await ending.verify()), 'verified miss')

  const chance = setup(fakeKratos(liveSession()), { random: () => 0.5 })
  await chance.verify()
  chance.clock.advance(57_000)
  assert.equal(verdictLabel(await chance.verify()), 'verified miss')
})

for (const jump of [3_600_000 * 24, -3_600_000, 3_000]) {
  test(`a jump of the wall clock by ${jump} ms clears the cache (C22)`, async () => {
    const kratos = fakeKratos(liveSession([], { expires_at: '2030-01-01T00:00:00Z' }))
    const { clock, verify } = setup(kratos)
    await verify()
    clock.jumpWallClock(jump)
    assert.equal(verdictLabel(await verify()), 'verified miss')
    assert.equal(verdictLabel(await verify()), 'verified hit')
  })
}

test('small corrections of the wall clock keep the cache, but no session outlives its expiry', async () => {
  const kratos = fakeKratos(liveSession([], { expires_at: '2026-11-22T05:00:30Z' }), answered(401))
  const { clock, verify } = setup(kratos)
  await verify()
  clock.jumpWallClock(500)
  assert.equal(verdictLabel(await verify()), 'verified hit')
  for (let i = 0; i < 20; i++) {
    clock.jumpWallClock(1_500)
    clock.advance(1)
    await verify()
  }
  assert.equal(verdictLabel(await verify()), 'rejected miss')
})

test('a call in flight during `clear` is returned and not cached (C24)', async () => {
  const answer = pendingAnswer()
  const kratos = fakeKratos(answer.promise, liveSession())
  const { sessions, verify } = setup(kratos)
  const waiting = verify()
  sessions.clear()
  answer.resolve(liveSession())
  assert.equal((await waiting).kind, 'verified')
  assert.equal(sessions.size, 0)
  assert.equal(verdictLabel(await verify()), 'verified miss')
})

test('the number of entries is bounded', async () => {
  const { sessions, verify } = setup(fakeKratos(liveSession()), { maxEntries: 3 })
  for (let i = 0; i < 10; i++) await verify(cookie(String(i)))
  assert.equal(sessions.size, 3)
})

const DOWN: HttpFailure = { kind: 'failed', cause: 'connect', message: 'kratos.whoami: no connection' }

test('while Kratos is unavailable a session is used as `stale` for staleIfError; then 503 (C26)', async () => {
  const kratos = fakeKratos(liveSession(), DOWN)
  const { clock, verify } = setup(kratos, { maxAge: 60_000, grace: 30_000 })
  await verify()
  clock.advance(70_000)
  assert.equal(verdictLabel(await verify()), 'verified stale')
  clock.advance(30_000)
  assert.equal((await verify()).kind, 'unavailable')
})

test('without staleIfError, the default, no stale session is used', async () => {
  const { clock, verify } = setup(fakeKratos(liveSession(), DOWN))
  await verify()
  clock.advance(70_000)
  assert.equal((await verify()).kind, 'unavailable')
})

test('a stale session is never used after it expires', async () => {
  const { clock, verify } = setup(fakeKratos(liveSession(), DOWN), { maxAge: 3_500_000, grace: 3_600_000 })
  await verify()
  clock.advance(3_700_000)
  assert.equal((await verify()).kind, 'unavailable')
})

test('a rejection and a revocation end the use of a stale session', async () => {
  const kratos = fakeKratos(liveSession(), answered(401), DOWN)
  const { clock, sessions, verify } = setup(kratos, { grace: 600_000 })
  await verify()
  clock.advance(70_000)
  assert.equal((await verify()).kind, 'rejected')
  assert.equal((await verify()).kind, 'unavailable')
  kratos.respondWith(liveSession(), DOWN)
  await verify()
  sessions.revoke({ kind: 'everything' })
  assert.equal((await verify()).kind, 'unavailable')
})

test('with a hanging Kratos each request gets the stale session at its deadline', async () => {
  const kratos = fakeKratos(liveSession(), pendingAnswer().promise)
  const { clock, verify } = setup(kratos, { grace: 600_000 })
  await verify()
  clock.advance(70_000)
  const deadline = clock.now() + 5
  assert.equal(verdictLabel(await verify(cookie('a'), KRATOS, { deadline })), 'verified stale')
})

test('an uncached session is never used as stale', async () => {
  const { verify } = setup(fakeKratos(DOWN), { grace: 600_000 })
  assert.equal((await verify(cookie('new'))).kind, 'unavailable')
})
