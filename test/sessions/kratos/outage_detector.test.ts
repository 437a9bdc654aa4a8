import assert from 'node:assert/strict'
import test from 'node:test'
import { type Clock, millis } from '../../../src/lib/time.ts'
import {
  createAdminProbe,
  createCanaryProbe,
  type ProbeVerdict,
  parseCanaryCredential,
} from '../../../src/sessions/kratos/probe.ts'
import { answered, IDENTITY_ID, liveSession } from '../../support/kratos.ts'
import {
  createSessionHarness,
  numbered,
  type SessionHarnessOptions,
  sessionIdOf,
  UNAUTHORIZED,
  verdictLabel,
} from '../../support/session_world.ts'

const PAST_TTL_MS = 61_000
const withAdmin = (options: SessionHarnessOptions = {}) =>
  createSessionHarness({ probe: ({ admin }) => createAdminProbe(admin), ...options })

/** With a canary named `canary` that Kratos knows unless told otherwise. */
function withCanary(options: SessionHarnessOptions = {}) {
  let clock: Clock | undefined
  const useless: string[] = []
  const world = createSessionHarness({
    probe: ({ whoami }) =>
      createCanaryProbe({
        clock: { now: () => (clock as Clock).now(), wall: () => (clock as Clock).wall() },
        whoami,
        credential: parseCanaryCredential('canary'),
        onUnusable: () => useless.push('useless'),
      }),
    ...options,
  })
  clock = world.clock
  world.loggedIn.add('canary')
  return { ...world, useless }
}
const nextTick = () => new Promise(setImmediate)
const verdicts = (news: readonly { kind: string; verdict?: string }[]) =>
  news.filter(one => one.kind === 'doubt').map(one => one.verdict)

for (const [what, open] of [
  ['the admin API', withAdmin],
  ['a canary', withCanary],
] as const) {
  test(`${what} tells a sick Kratos from an ended session: 503 for the one, 401 for the other (J13)`, async () => {
    const world = open()
    await world.logIn('anna', 'bert')
    await nextTick()
    world.clock.advance(PAST_TTL_MS)
    world.state.health = 'sick'
    assert.equal((await world.verify('anna')).kind, 'unavailable')
    world.state.health = 'well'
    world.clock.advance(1_000)
    world.loggedIn.delete('bert')
    assert.equal((await world.verify('bert')).kind, 'rejected')
    assert.equal((await world.verify('anna')).kind, 'verified')
  })

  test(`${what}: while Kratos is sick, the refusal of somebody unknown is not believed either`, async () => {
    const world = open()
    await world.logIn('anna')
    await nextTick()
    world.clock.advance(PAST_TTL_MS)
    world.state.health = 'sick'
    await world.verify('anna')
    assert.equal((await world.verify('stranger')).kind, 'unavailable')
    world.clock.advance(5_000)
    assert.equal((await world.verify('stranger')).kind, 'unavailable', 'looked at anew')
    world.state.health = 'well'
    world.clock.advance(5_000)
    assert.equal((await world.verify('stranger')).kind, 'rejected')
  })

  test(`${what} is asked once for all who wonder, and again a second later`, async () => {
    const world = open({ upstreamOptions: { outageBurst: 1_000, minRequests: 1_000 } })
    const users = numbered(50)
    await world.logIn(...users)
    await nextTick()
    world.clock.advance(PAST_TTL_MS)
    world.state.health = 'sick'
    const probes = () => world.adminAsked.length + world.asked.filter(value => value === 'canary').length
    const kinds = (await Promise.all(users.map(user => world.verify(user)))).map(one => one.kind)
    assert.deepEqual(new Set(kinds), new Set(['unavailable']))
    assert.equal(probes(), 1)
    world.clock.advance(999)
    await world.verify(users[0] as string)
    assert.equal(probes(), 1)
    world.clock.advance(1)
    await world.verify(users[0] as string)
    assert.equal(probes(), 2)
  })
}

test('what a sick Kratos refused lives on where stale sessions count, and what an honest one refused does not', async () => {
  const world = withAdmin({ staleIfError: 600_000 })
  await world.logIn('anna')
  world.clock.advance(PAST_TTL_MS)
  world.state.health = 'sick'
  assert.equal(verdictLabel(await world.verify('anna')), 'verified stale')
  world.state.health = 'well'
  world.loggedIn.clear()
  world.clock.advance(1_000)
  assert.equal((await world.verify('anna')).kind, 'rejected')
  world.state.health = 'down'
  assert.equal((await world.verify('anna')).kind, 'unavailable')
})

for (const [what, found, verdict] of [
  ['404', { kind: 'refused', status: 404 }, 'ended'],
  ['500', { kind: 'refused', status: 500 }, 'sick'],
  ['403 of a gateway', { kind: 'refused', status: 403 }, 'unknown'],
  ['no answer', { kind: 'failed', cause: 'timeout', message: '' }, 'sick'],
  ['an inactive session', { kind: 'found', body: { active: false, identity: { state: 'active' } } }, 'ended'],
  [
    'an inactive identity',
    { kind: 'found', body: { active: true, identity: { state: 'inactive' } } },
    'ended',
  ],
  ['a living session', { kind: 'found', body: { active: true, identity: { state: 'active' } } }, 'alive'],
  ['a session without its identity', { kind: 'found', body: { active: true } }, 'unknown'],
  ['something else', { kind: 'found', body: {} }, 'unknown'],
] as const) {
  test(`${what} of the admin API means ${verdict}`, async () => {
    const probe = createAdminProbe({ preload: async () => {}, getSession: async () => found as never })
    assert.equal(await probe.run({ whoamiUrl: '', headers: [] }, { id: 's' } as never), verdict)
  })
}

/** An admin API that says a session lives whatever whoami says. */
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

test('a session that lives although whoami refuses it is asked about once more', async () => {
  const world = contradicting()
  await world.logIn('anna')
  world.clock.advance(PAST_TTL_MS)
  world.loggedIn.delete('anna')
  const first = world.verify('anna')
  world.loggedIn.add('anna')
  assert.equal(verdictLabel(await first), 'verified miss')
  assert.equal(world.asked.length, 2)
})

test('a token of a living session that is refused twice is no fact; a cookie may be too old, and is', async () => {
  const world = contradicting()
  world.loggedIn.add('token')
  await world.verify('token', { kind: 'token' })
  await world.logIn('cookie')
  world.clock.advance(PAST_TTL_MS)
  world.loggedIn.clear()
  assert.equal((await world.verify('token', { kind: 'token' })).kind, 'unavailable')
  assert.equal((await world.verify('cookie')).kind, 'rejected')
})

test('a canary whose death is no news tells nothing: never seen alive, or past its time', async () => {
  const unseen = withCanary()
  unseen.loggedIn.delete('canary')
  await unseen.logIn('anna')
  await nextTick()
  assert.deepEqual(unseen.useless, ['useless'])
  unseen.clock.advance(PAST_TTL_MS)
  unseen.loggedIn.delete('anna')
  assert.equal((await unseen.verify('anna')).kind, 'rejected')
  assert.deepEqual(verdicts(unseen.news), ['unknown'])

  const old = withCanary()
  old.answers.set('canary', liveSession([], { expires_at: '2026-11-22T05:00:30Z' }))
  await old.logIn('anna')
  await nextTick()
  old.clock.advance(PAST_TTL_MS)
  old.state.health = 'sick'
  old.answers.clear()
  assert.equal((await old.verify('anna')).kind, 'rejected')
  assert.deepEqual(verdicts(old.news), ['unknown'])
  assert.deepEqual(old.useless, [])
})

for (const [text, credential] of [
  ['ory_st_abc', { kind: 'token', name: '', value: 'ory_st_abc' }],
  ['ory_kratos_session=MTc5NQ==', { kind: 'cookie', name: 'ory_kratos_session', value: 'MTc5NQ==' }],
] as const) {
  test(`a canary written as ${text} is a ${credential.kind}`, () => {
    assert.deepEqual(parseCanaryCredential(text), credential)
  })
}

test('without a probe a few refusals are believed, a burst of them is not, and nobody else is refused meanwhile', async () => {
  const world = createSessionHarness({ upstreamOptions: { outageBurst: 5, openDuration: millis(2_000) } })
  const users = numbered(20)
  await world.logIn(...users)
  world.clock.advance(PAST_TTL_MS)
  world.state.health = 'sick'
  const kinds: string[] = []
  for (const user of users) kinds.push((await world.verify(user)).kind)
  assert.deepEqual(kinds.slice(0, 4), Array(4).fill('rejected'))
  assert.deepEqual(new Set(kinds.slice(4)), new Set(['unavailable']))
  const stranger = await world.verify('stranger')
  assert.ok(stranger.kind === 'unavailable' && (stranger.retryAfterSeconds ?? 0) >= 1)
  assert.equal(world.sessions.status.breaker, 'open')
})

test('after a burst Kratos is tried now and then, and the first whom it knows ends it for all', async () => {
  const world = createSessionHarness({ upstreamOptions: { outageBurst: 3, openDuration: millis(2_000) } })
  await world.logIn(...numbered(9))
  world.clock.advance(PAST_TTL_MS)
  world.state.health = 'sick'
  for (const user of numbered(5)) await world.verify(user)
  world.asked.length = 0
  assert.equal((await world.verify('user6')).kind, 'unavailable')
  assert.deepEqual(world.asked, [], 'not asked while open')
  world.clock.advance(2_000)
  world.state.health = 'well'
  assert.equal((await world.verify('user7')).kind, 'verified')
  assert.equal((await world.verify('stranger')).kind, 'rejected')
})

test('an admin who ends everybody’s sessions without saying so: 503 for the bounded time, then 401', async () => {
  const world = createSessionHarness({
    maxAge: 600_000,
    upstreamOptions: { outageBurst: 3, openDuration: millis(2_000), maxOutageDuration: millis(60_000) },
  })
  await world.logIn(...numbered(200))
  world.clock.advance(601_000)
  world.loggedIn.clear()
  for (const user of numbered(3)) await world.verify(user)
  let passed = 0
  let i = 3
  while ((await world.verify(`user${i++}`)).kind === 'unavailable') {
    world.clock.advance(1_000)
    passed += 1_000
  }
  assert.equal(passed, 60_000)
  for (const user of numbered(20, 'user1')) assert.equal((await world.verify(user)).kind, 'rejected')
})

test('the same admin who says so costs nobody a 503', async () => {
  const world = createSessionHarness({ upstreamOptions: { outageBurst: 3 } })
  const users = numbered(20)
  await world.logIn(...users)
  world.loggedIn.clear()
  world.sessions.revoke({ kind: 'everything' })
  for (const user of users) assert.equal((await world.verify(user)).kind, 'rejected')
})

test('a session that is revoked by news while Kratos is asked is refused without doubt', async () => {
  const world = createSessionHarness({ upstreamOptions: { outageBurst: 1 } })
  await world.logIn('anna')
  world.clock.advance(PAST_TTL_MS)
  world.state.health = 'slow'
  world.loggedIn.delete('anna')
  const answer = world.verify('anna')
  world.sessions.revoke({ kind: 'session', id: sessionIdOf('anna') })
  world.kratos.letGo()
  assert.equal((await answer).kind, 'rejected')
  assert.equal(world.sessions.status.breaker, 'closed')
})

test('news that comes while the probe is asked explains the refusal as well', async () => {
  const verdict = Promise.withResolvers<ProbeVerdict>()
  const world = createSessionHarness({
    upstreamOptions: { outageBurst: 1 },
    probe: () => ({ run: () => verdict.promise, warmUp: () => {} }),
  })
  await world.logIn('anna')
  world.clock.advance(PAST_TTL_MS)
  world.loggedIn.delete('anna')
  const answer = world.verify('anna')
  await nextTick()
  world.sessions.revoke({ kind: 'identity', id: IDENTITY_ID })
  verdict.resolve('unknown')
  assert.equal((await answer).kind, 'rejected')
  assert.deepEqual(world.news, [])
})

test('one session that has ended makes the refusals of the next second honest', async () => {
  const world = withAdmin({ upstreamOptions: { outageBurst: 2 } })
  const users = numbered(5)
  await world.logIn(...users)
  world.clock.advance(PAST_TTL_MS)
  world.loggedIn.clear()
  for (const user of users) assert.equal((await world.verify(user)).kind, 'rejected')
  assert.equal(world.adminAsked.length, 1)
  assert.deepEqual(verdicts(world.news), ['ended', 'well', 'well', 'well', 'well'])
})

test('a no that comes when the time of a stale session is long over ends it, too', async () => {
  const world = createSessionHarness({ staleIfError: 600_000 })
  await world.logIn('anna')
  world.loggedIn.clear()
  world.clock.advance(200_000)
  assert.equal((await world.verify('anna')).kind, 'rejected')
  world.state.health = 'down'
  assert.equal((await world.verify('anna')).kind, 'unavailable')
})

test('refusals that say more than 401 are believed at once, a burst of them too', async () => {
  const world = createSessionHarness({ upstreamOptions: { outageBurst: 2 } })
  const cookies = numbered(5)
  await world.logIn(...cookies)
  world.clock.advance(PAST_TTL_MS)
  const said = { ...UNAUTHORIZED, headers: [['ory-session-cache-for', '60']] as const }
  for (const cookie of cookies) world.answers.set(cookie, said)
  for (const cookie of cookies) assert.equal((await world.verify(cookie)).kind, 'rejected')
})

test('a second factor that is asked for is never told from memory', async () => {
  const world = createSessionHarness({ negativeCache: { ttl: 2_000, entries: 10 } })
  await world.logIn('anna')
  world.clock.advance(PAST_TTL_MS)
  world.answers.set('anna', answered(403, { error: { id: 'session_aal2_required' } }))
  for (let i = 0; i < 3; i++) assert.equal((await world.verify('anna')).kind, 'second factor')
  assert.equal(world.asked.length, 3)
  world.answers.clear()
  assert.equal(verdictLabel(await world.verify('anna')), 'verified miss')
})
