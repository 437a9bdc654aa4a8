import assert from 'node:assert/strict'
import test from 'node:test'
import { type Clock, millis } from '../../../src/lib/time.ts'
import {
  createAdminProbe,
  createCanaryProbe,
  type ProbeVerdict,
  parseCanaryCredential,
} from '../../../src/sessions/kratos/probe.ts'
import { answered, liveSession } from '../../support/kratos.ts'
import {
  createSessionHarness,
  identityIdOf,
  numbered,
  type SessionHarnessOptions,
  sessionIdOf,
  UNAUTHORIZED,
  verdictLabel,
} from '../../support/session_harness.ts'

const PAST_TTL_MS = 61_000
const withAdmin = (options: SessionHarnessOptions = {}) =>
  createSessionHarness({ probe: ({ admin }) => createAdminProbe(admin), ...options })

/** With a live canary session named `canary`. */
function withCanary(options: SessionHarnessOptions = {}) {
  let clock: Clock | undefined
  const unusable: string[] = []
  const harness = createSessionHarness({
    probe: ({ whoami }) =>
      createCanaryProbe({
        clock: { now: () => (clock as Clock).now(), wall: () => (clock as Clock).wall() },
        whoami,
        credential: parseCanaryCredential('canary'),
        onUnusable: () => unusable.push('unusable'),
      }),
    ...options,
  })
  clock = harness.clock
  harness.loggedIn.add('canary')
  return { ...harness, unusable }
}
const nextTick = () => new Promise(setImmediate)
const verdicts = (events: readonly { kind: string; verdict?: string }[]) =>
  events.filter(one => one.kind === 'unexpected_rejection').map(one => one.verdict)

for (const [what, open] of [
  ['the admin API', withAdmin],
  ['a canary', withCanary],
] as const) {
  test(`${what} distinguishes an outage (503) from an ended session (401) (J13)`, async () => {
    const harness = open()
    await harness.logIn('anna', 'bert')
    await nextTick()
    harness.clock.advance(PAST_TTL_MS)
    harness.state.health = 'unhealthy'
    assert.equal((await harness.verify('anna')).kind, 'unavailable')
    harness.state.health = 'healthy'
    harness.clock.advance(1_000)
    harness.loggedIn.delete('bert')
    assert.equal((await harness.verify('bert')).kind, 'rejected')
    assert.equal((await harness.verify('anna')).kind, 'verified')
  })

  test(`${what}: during an outage a rejection of an unknown credential is not trusted either`, async () => {
    const harness = open()
    await harness.logIn('anna')
    await nextTick()
    harness.clock.advance(PAST_TTL_MS)
    harness.state.health = 'unhealthy'
    await harness.verify('anna')
    assert.equal((await harness.verify('unknown')).kind, 'unavailable')
    harness.clock.advance(5_000)
    assert.equal((await harness.verify('unknown')).kind, 'unavailable', 'probed again')
    harness.state.health = 'healthy'
    harness.clock.advance(5_000)
    assert.equal((await harness.verify('unknown')).kind, 'rejected')
  })

  test(`${what} is called once for all unexpected rejections, and again a second later`, async () => {
    const harness = open({ upstreamOptions: { outageBurst: 1_000, minRequests: 1_000 } })
    const users = numbered(50)
    await harness.logIn(...users)
    await nextTick()
    harness.clock.advance(PAST_TTL_MS)
    harness.state.health = 'unhealthy'
    const probes = () => harness.adminCalls.length + harness.calls.filter(value => value === 'canary').length
    const kinds = (await Promise.all(users.map(user => harness.verify(user)))).map(one => one.kind)
    assert.deepEqual(new Set(kinds), new Set(['unavailable']))
    assert.equal(probes(), 1)
    harness.clock.advance(999)
    await harness.verify(users[0] as string)
    assert.equal(probes(), 1)
    harness.clock.advance(1)
    await harness.verify(users[0] as string)
    assert.equal(probes(), 2)
  })
}

test('a session rejected during an outage stays usable as stale; one rejected by a healthy Kratos does not', async () => {
  const harness = withAdmin({ staleIfError: 600_000 })
  await harness.logIn('anna')
  harness.clock.advance(PAST_TTL_MS)
  harness.state.health = 'unhealthy'
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified stale')
  harness.state.health = 'healthy'
  harness.loggedIn.clear()
  harness.clock.advance(1_000)
  assert.equal((await harness.verify('anna')).kind, 'rejected')
  harness.state.health = 'down'
  assert.equal((await harness.verify('anna')).kind, 'unavailable')
})

for (const [what, found, verdict] of [
  ['404', { kind: 'refused', status: 404 }, 'ended'],
  ['500', { kind: 'refused', status: 500 }, 'unhealthy'],
  ['403 of a gateway', { kind: 'refused', status: 403 }, 'unknown'],
  ['no answer', { kind: 'failed', cause: 'timeout', message: '' }, 'unhealthy'],
  ['an inactive session', { kind: 'found', body: { active: false, identity: { state: 'active' } } }, 'ended'],
  [
    'an inactive identity',
    { kind: 'found', body: { active: true, identity: { state: 'inactive' } } },
    'ended',
  ],
  ['a living session', { kind: 'found', body: { active: true, identity: { state: 'active' } } }, 'live'],
  ['a session without its identity', { kind: 'found', body: { active: true } }, 'unknown'],
  ['something else', { kind: 'found', body: {} }, 'unknown'],
] as const) {
  test(`${what} of the admin API means ${verdict}`, async () => {
    const probe = createAdminProbe({ preload: async () => {}, getSession: async () => found as never })
    assert.equal(await probe.run({ whoamiUrl: '', headers: [] }, { id: 's' } as never), verdict)
  })
}

/** An admin API that reports a live session whatever whoami returns. */
const contradicting = (options: SessionHarnessOptions = {}) =>
  createSessionHarness({
    probe: () =>
      createAdminProbe({
        preload: async () => {},
        getSession: async () =>
          ({ kind: 'found', body: { active: true, identity: { state: 'active' } } }) as never,
      }),
    ...options,
  })

test('a live session that whoami rejects is verified once more', async () => {
  const harness = contradicting()
  await harness.logIn('anna')
  harness.clock.advance(PAST_TTL_MS)
  harness.loggedIn.delete('anna')
  const first = harness.verify('anna')
  harness.loggedIn.add('anna')
  assert.equal(verdictLabel(await first), 'verified miss')
  assert.equal(harness.calls.length, 2)
})

test('a second rejection of a live token means an outage; a cookie may be too old, so it is rejected', async () => {
  const harness = contradicting()
  harness.loggedIn.add('token')
  await harness.verify('token', { kind: 'token' })
  await harness.logIn('cookie')
  harness.clock.advance(PAST_TTL_MS)
  harness.loggedIn.clear()
  assert.equal((await harness.verify('token', { kind: 'token' })).kind, 'unavailable')
  assert.equal((await harness.verify('cookie')).kind, 'rejected')
})

test('a canary that was never live, or has expired, gives no verdict', async () => {
  const unseen = withCanary()
  unseen.loggedIn.delete('canary')
  await unseen.logIn('anna')
  await nextTick()
  assert.deepEqual(unseen.unusable, ['unusable'])
  unseen.clock.advance(PAST_TTL_MS)
  unseen.loggedIn.delete('anna')
  assert.equal((await unseen.verify('anna')).kind, 'rejected')
  assert.deepEqual(verdicts(unseen.events), ['unknown'])

  const old = withCanary()
  old.overrides.set('canary', liveSession([], { expires_at: '2026-11-22T05:00:30Z' }))
  await old.logIn('anna')
  await nextTick()
  old.clock.advance(PAST_TTL_MS)
  old.state.health = 'unhealthy'
  old.overrides.clear()
  assert.equal((await old.verify('anna')).kind, 'rejected')
  assert.deepEqual(verdicts(old.events), ['unknown'])
  assert.deepEqual(old.unusable, [])
})

for (const [text, credential] of [
  ['ory_st_abc', { kind: 'token', name: '', value: 'ory_st_abc' }],
  ['ory_kratos_session=MTc5NQ==', { kind: 'cookie', name: 'ory_kratos_session', value: 'MTc5NQ==' }],
] as const) {
  test(`${text} is read as a ${credential.kind}`, () => {
    assert.deepEqual(parseCanaryCredential(text), credential)
  })
}

test('without a probe a few rejections are trusted, a burst is not, and no one else is rejected meanwhile', async () => {
  const harness = createSessionHarness({ upstreamOptions: { outageBurst: 5, openDuration: millis(2_000) } })
  const users = numbered(20)
  await harness.logIn(...users)
  harness.clock.advance(PAST_TTL_MS)
  harness.state.health = 'unhealthy'
  const kinds: string[] = []
  for (const user of users) kinds.push((await harness.verify(user)).kind)
  assert.deepEqual(kinds.slice(0, 4), Array(4).fill('rejected'))
  assert.deepEqual(new Set(kinds.slice(4)), new Set(['unavailable']))
  const unknown = await harness.verify('unknown')
  assert.ok(unknown.kind === 'unavailable' && (unknown.retryAfterSeconds ?? 0) >= 1)
  assert.equal(harness.sessions.status.circuitBreaker, 'open')
})

test('after a burst Kratos gets trial calls, and the first live session closes the circuit', async () => {
  const harness = createSessionHarness({ upstreamOptions: { outageBurst: 3, openDuration: millis(2_000) } })
  await harness.logIn(...numbered(9))
  harness.clock.advance(PAST_TTL_MS)
  harness.state.health = 'unhealthy'
  for (const user of numbered(5)) await harness.verify(user)
  harness.calls.length = 0
  assert.equal((await harness.verify('user6')).kind, 'unavailable')
  assert.deepEqual(harness.calls, [], 'not called while open')
  harness.clock.advance(2_000)
  harness.state.health = 'healthy'
  assert.equal((await harness.verify('user7')).kind, 'verified')
  assert.equal((await harness.verify('unknown')).kind, 'rejected')
})

test('if all sessions end without a revocation: 503 for a bounded time, then 401', async () => {
  const harness = createSessionHarness({
    maxAge: 600_000,
    upstreamOptions: { outageBurst: 3, openDuration: millis(2_000), maxOutageDuration: millis(60_000) },
  })
  await harness.logIn(...numbered(200))
  harness.clock.advance(601_000)
  harness.loggedIn.clear()
  for (const user of numbered(3)) await harness.verify(user)
  let passed = 0
  let i = 3
  while ((await harness.verify(`user${i++}`)).kind === 'unavailable') {
    harness.clock.advance(1_000)
    passed += 1_000
  }
  assert.equal(passed, 60_000)
  for (const user of numbered(20, 'user1')) assert.equal((await harness.verify(user)).kind, 'rejected')
})

test('if all sessions end with a revocation: no 503', async () => {
  const harness = createSessionHarness({ upstreamOptions: { outageBurst: 3 } })
  const users = numbered(20)
  await harness.logIn(...users)
  harness.loggedIn.clear()
  harness.sessions.revoke({ kind: 'everything' })
  for (const user of users) assert.equal((await harness.verify(user)).kind, 'rejected')
})

test('a revocation that arrives during the call explains the rejection', async () => {
  const harness = createSessionHarness({ upstreamOptions: { outageBurst: 1 } })
  await harness.logIn('anna')
  harness.clock.advance(PAST_TTL_MS)
  harness.state.health = 'slow'
  harness.loggedIn.delete('anna')
  const answer = harness.verify('anna')
  harness.sessions.revoke({ kind: 'session', id: sessionIdOf('anna') })
  harness.kratos.releaseCalls()
  assert.equal((await answer).kind, 'rejected')
  assert.equal(harness.sessions.status.circuitBreaker, 'closed')
})

test('a revocation that arrives during the probe explains the rejection', async () => {
  const verdict = Promise.withResolvers<ProbeVerdict>()
  const harness = createSessionHarness({
    upstreamOptions: { outageBurst: 1 },
    probe: () => ({ run: () => verdict.promise, warmUp: () => {} }),
  })
  await harness.logIn('anna')
  harness.clock.advance(PAST_TTL_MS)
  harness.loggedIn.delete('anna')
  const answer = harness.verify('anna')
  await nextTick()
  harness.sessions.revoke({ kind: 'identity', id: identityIdOf('anna') })
  verdict.resolve('unknown')
  assert.equal((await answer).kind, 'rejected')
  assert.deepEqual(harness.events, [])
})

test('the verdict `ended` for one session proves health for the next second', async () => {
  const harness = withAdmin({ upstreamOptions: { outageBurst: 2 } })
  const users = numbered(5)
  await harness.logIn(...users)
  harness.clock.advance(PAST_TTL_MS)
  harness.loggedIn.clear()
  for (const user of users) assert.equal((await harness.verify(user)).kind, 'rejected')
  assert.equal(harness.adminCalls.length, 1)
  assert.deepEqual(verdicts(harness.events), ['ended', 'healthy', 'healthy', 'healthy', 'healthy'])
})

test('a rejection long after the freshness lifetime ends a stale session', async () => {
  const harness = createSessionHarness({ staleIfError: 600_000 })
  await harness.logIn('anna')
  harness.loggedIn.clear()
  harness.clock.advance(200_000)
  assert.equal((await harness.verify('anna')).kind, 'rejected')
  harness.state.health = 'down'
  assert.equal((await harness.verify('anna')).kind, 'unavailable')
})

test('certain rejections are trusted, even in a burst', async () => {
  const harness = createSessionHarness({ upstreamOptions: { outageBurst: 2 } })
  const cookies = numbered(5)
  await harness.logIn(...cookies)
  harness.clock.advance(PAST_TTL_MS)
  const certain = { ...UNAUTHORIZED, headers: [['ory-session-cache-for', '60']] as const }
  for (const cookie of cookies) harness.overrides.set(cookie, certain)
  for (const cookie of cookies) assert.equal((await harness.verify(cookie)).kind, 'rejected')
})

test('a required second factor is never cached', async () => {
  const harness = createSessionHarness({ negativeCache: { ttl: 2_000, maxEntries: 10 } })
  await harness.logIn('anna')
  harness.clock.advance(PAST_TTL_MS)
  harness.overrides.set('anna', answered(403, { error: { id: 'session_aal2_required' } }))
  for (let i = 0; i < 3; i++) assert.equal((await harness.verify('anna')).kind, 'second factor')
  assert.equal(harness.calls.length, 3)
  harness.overrides.clear()
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified miss')
})
