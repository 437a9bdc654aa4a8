import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Verdict, VerifiedSession } from '../../../src/access/verdict.ts'
import type { HttpFailure, HttpResponse } from '../../../src/clients/http/message.ts'
import { type Instant, millis, type WallTime } from '../../../src/lib/time.ts'
import { createRevocationIndex } from '../../../src/sessions/cache/revocation_index.ts'
import type { RevocationTarget } from '../../../src/sessions/types.ts'
import { createSessionVerifier } from '../../../src/sessions/verifier.ts'
import { fakeClock } from '../../support/clock.ts'
import { answered, fakeKratos, IDENTITY_ID, liveSession, SESSION_ID } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'

const KRATOS = { whoamiUrl: 'http://kratos/sessions/whoami', headers: [], maxAge: undefined }
const HOLD = 5_000
const OTHER = '11111111-1111-4111-8111-111111111111'
const THIRD = '33333333-3333-4333-8333-333333333333'

function setup(...answers: readonly (HttpResponse | HttpFailure | Promise<HttpResponse | HttpFailure>)[]) {
  const clock = fakeClock()
  const kratos = fakeKratos(...answers)
  const sessions = createSessionVerifier({
    clock,
    whoami: kratos.whoami,
    maxAge: millis(60_000),
    maxEntries: 100,
    staleIfError: millis(0),
    holdoff: millis(5_000),
    secret: Buffer.from('secret of a test'),
    random: () => 0,
  })
  const request = requestWith([], { deadline: Number.POSITIVE_INFINITY as Instant })
  const verify = (value = 'a') => sessions.verify(KRATOS, { kind: 'cookie', name: 's', value }, request)
  return { clock, kratos, sessions, verify }
}

const GONE = answered(401)

for (const revoked of [
  { kind: 'session', id: SESSION_ID },
  { kind: 'identity', id: IDENTITY_ID },
  { kind: 'credential', value: 'a' },
  { kind: 'everything' },
] as const) {
  test(`after a revocation of ${revoked.kind} the next request calls Kratos`, async () => {
    const { kratos, sessions, verify } = setup(liveSession(), GONE)
    assert.equal((await verify()).kind, 'verified')
    sessions.revoke(revoked)
    assert.equal((await verify()).kind, 'rejected')
    assert.equal(kratos.calls.length, 2)
  })
}

test('evicts every cookie value of the session and no other session', async () => {
  const { kratos, sessions, verify } = setup(
    liveSession(),
    liveSession(),
    liveSession([], { id: OTHER }),
    GONE,
  )
  await verify('a')
  await verify('b')
  await verify('of another session')
  sessions.revoke({ kind: 'session', id: SESSION_ID })
  assert.equal((await verify('of another session')).kind, 'verified')
  assert.equal(kratos.calls.length, 3)
  assert.equal((await verify('a')).kind, 'rejected')
  assert.equal((await verify('b')).kind, 'rejected')
})

test('a revoked credential evicts its session under every cookie value', async () => {
  const { sessions, verify } = setup(liveSession(), liveSession(), liveSession([], { id: OTHER }), GONE)
  await verify('a')
  await verify('another spelling of it')
  await verify('of another session')
  assert.equal(sessions.revoke({ kind: 'credential', value: 'a' }).evicted, 2)
  assert.equal((await verify('another spelling of it')).kind, 'rejected')
  assert.equal((await verify('of another session')).kind, 'verified')
})

test('a revocation of an identity spares the session in `keep`', async () => {
  const { kratos, sessions, verify } = setup(liveSession(), liveSession([], { id: OTHER }), GONE)
  await verify('a')
  await verify('of another session')
  assert.equal(sessions.revoke({ kind: 'identity', id: IDENTITY_ID, keep: OTHER }).evicted, 1)
  assert.equal((await verify('of another session')).kind, 'verified')
  assert.equal(kratos.calls.length, 2)
  assert.equal((await verify('a')).kind, 'rejected')
})

test('`before` evicts lookups from before that time and sessions authenticated before it', async () => {
  const { clock, sessions, verify } = setup(
    liveSession(),
    liveSession([], { id: OTHER }),
    liveSession([], { id: THIRD, authenticated_at: '2026-11-22T05:00:40Z' }),
    GONE,
  )
  await verify('verified early')
  clock.advance(30_000)
  const early = { kind: 'everything', before: (clock.wall() - 10_000) as WallTime } as const
  await verify('authenticated early')
  clock.advance(15_000)
  await verify('late')
  assert.equal(sessions.revoke(early).evicted, 2, 'both were authenticated an hour before')
  assert.equal((await verify('late')).kind, 'verified')
  assert.equal((await verify('verified early')).kind, 'rejected')
  const { evicted } = sessions.revoke({ kind: 'everything', before: clock.wall() })
  assert.equal(evicted, 1, 'its lookup was before now')
})

for (const [what, revoked] of [
  ['session', { kind: 'session', id: SESSION_ID }],
  ['identity', { kind: 'identity', id: IDENTITY_ID }],
  ['credential', { kind: 'credential', value: 'a' }],
  ['everything', { kind: 'everything' }],
] as const) {
  test(`a lookup in flight during a revocation of ${what} is neither cached nor joined (C24)`, async () => {
    const first = Promise.withResolvers<HttpResponse | HttpFailure>()
    const { kratos, sessions, verify } = setup(first.promise, GONE)
    const early = verify()
    sessions.revoke(revoked)
    const late = verify()
    first.resolve(liveSession())
    await early
    assert.equal((await late).kind, 'rejected')
    assert.equal(kratos.calls.length, 2)
  })
}

for (const [what, revoked] of [
  ['session', { kind: 'session', id: SESSION_ID }],
  ['identity', { kind: 'identity', id: IDENTITY_ID }],
  ['credential', { kind: 'credential', value: 'a' }],
] as const) {
  test(`a session is not cached again within the holdoff after a revocation of ${what}`, async () => {
    const { clock, kratos, sessions, verify } = setup(liveSession())
    sessions.revoke(revoked)
    await verify()
    await verify()
    assert.equal(kratos.calls.length, 2, 'called each time within the holdoff')
    clock.advance(HOLD + 1)
    await verify()
    await verify()
    assert.equal(kratos.calls.length, 3, 'cached again after the holdoff')
  })
}

test('a lookup that starts within the holdoff is not cached even if it ends later', async () => {
  const slow = Promise.withResolvers<HttpResponse | HttpFailure>()
  const { clock, kratos, sessions, verify } = setup(slow.promise, GONE)
  sessions.revoke({ kind: 'session', id: SESSION_ID })
  clock.advance(HOLD - 1)
  const pending = verify()
  clock.advance(1_000)
  slow.resolve(liveSession())
  await pending
  assert.equal((await verify()).kind, 'rejected')
  assert.equal(kratos.calls.length, 2)
})

test('the session in `keep` is cached at once; two revocations with different `keep` hold off both', async () => {
  const { kratos, sessions, verify } = setup(liveSession())
  sessions.revoke({ kind: 'identity', id: IDENTITY_ID, keep: SESSION_ID })
  await verify()
  await verify()
  assert.equal(kratos.calls.length, 1)
  sessions.revoke({ kind: 'identity', id: IDENTITY_ID, keep: OTHER })
  sessions.revoke({ kind: 'identity', id: IDENTITY_ID, keep: SESSION_ID })
  await verify()
  await verify()
  assert.equal(kratos.calls.length, 3)
})

test('the number of holdoffs is bounded, and the oldest is dropped', async () => {
  const index = createRevocationIndex(fakeClock(), millis(HOLD))
  const session = { id: 'first', identityId: 'i' } as VerifiedSession
  const entry = { session, credentialHash: 'm', requestedAt: fakeClock().now() }
  index.revoke({ kind: 'session', id: 'first' })
  for (let i = 1; i < 100_000; i++) index.revoke({ kind: 'session', id: `another ${i}` })
  assert.ok(index.isHeldOff(entry))
  index.revoke({ kind: 'session', id: 'one too many' })
  assert.ok(!index.isHeldOff(entry), 'the oldest holdoff is dropped')
})

test('a revocation of an uncached session changes nothing', async () => {
  const { kratos, sessions, verify } = setup(liveSession())
  await verify()
  sessions.revoke({ kind: 'identity', id: '22222222-2222-4222-8222-222222222222' })
  await verify()
  assert.equal(kratos.calls.length, 1)
})

/** Kratos ends a session with a revocation, or its web hook sends one and the end is committed within the holdoff. */
type Move = 'look up' | 'respond' | 'end and revoke' | 'revoke' | 'end soon after' | 'advance'

test('no order of lookups, ends and time accepts a session that was revoked before the lookup', async () => {
  const moves = fc.array(
    fc.constantFrom<Move>('look up', 'respond', 'end and revoke', 'revoke', 'end soon after', 'advance'),
    {
      maxLength: 30,
    },
  )
  const targets = fc.constantFrom<RevocationTarget>(
    { kind: 'session', id: SESSION_ID },
    { kind: 'identity', id: IDENTITY_ID },
    { kind: 'identity', id: IDENTITY_ID, keep: OTHER },
    { kind: 'credential', value: 'a' },
    { kind: 'everything' },
  )
  await fc.assert(
    fc.asyncProperty(moves, targets, async (order, revoked) => {
      const clock = fakeClock()
      let ended = false
      let silent = false
      let revokedAt = Number.NEGATIVE_INFINITY
      const inFlight: (() => void)[] = []
      const sessions = createSessionVerifier({
        clock,
        // Kratos reads its database when the call arrives. The response arrives when the test decides.
        whoami: () => {
          const answer = ended ? GONE : liveSession()
          return new Promise(resolve => inFlight.push(() => resolve(answer)))
        },
        maxAge: millis(60_000),
        maxEntries: 10,
        staleIfError: millis(30_000),
        holdoff: millis(5_000),
        secret: Buffer.from('secret of a test'),
        random: () => 0,
      })
      const request = requestWith([], { deadline: Number.POSITIVE_INFINITY as Instant })
      const waiting: Promise<void>[] = []
      for (const move of order) {
        if (move === 'look up') {
          const endedBefore = ended
          const unreported = silent
          const verdict = sessions.verify(KRATOS, { kind: 'cookie', name: 's', value: 'a' }, request)
          waiting.push(
            Promise.resolve(verdict).then((outcome: Verdict) => {
              if (!endedBefore || outcome.kind !== 'verified') return
              // Only a request that joined a call from before an unreported end may still be accepted.
              assert.ok(unreported && outcome.cache === 'joined', 'an ended session was accepted')
            }),
          )
        } else if (move === 'respond') {
          inFlight.shift()?.()
          await new Promise(setImmediate)
        } else if (move === 'advance') clock.advance(1_000)
        else if (move === 'revoke') {
          revokedAt = clock.now()
          silent = false
          sessions.revoke(revoked)
        } else if (move === 'end soon after') {
          // A revocation of everything is sent after the end and has no holdoff.
          if (ended || clock.now() - revokedAt >= HOLD || revoked.kind === 'everything') continue
          ended = true
          silent = true
        } else {
          ended = true
          silent = false
          sessions.revoke(revoked)
        }
      }
      for (const respond of inFlight) respond()
      await Promise.all(waiting)
    }),
    { numRuns: 300 },
  )
})
