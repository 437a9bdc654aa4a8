import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Verdict } from '../../src/access/verdict.ts'
import type { Answered, Failed } from '../../src/clients/http.ts'
import { type Instant, millis } from '../../src/lib/duration.ts'
import { createSessions } from '../../src/sessions/store.ts'
import { fakeClock } from '../fakes/clock.ts'
import { alive, answered, fakeKratos, IDENTITY_ID, SESSION_ID } from '../fakes/kratos.ts'
import { requestWith } from '../fakes/request.ts'

const KRATOS = { whoamiUrl: 'http://kratos/sessions/whoami', headers: [], maxAge: undefined }
const HOLD = 5_000

function setup(...answers: readonly (Answered | Failed | Promise<Answered | Failed>)[]) {
  const clock = fakeClock()
  const kratos = fakeKratos(...answers)
  const sessions = createSessions({
    clock,
    whoami: kratos.whoami,
    maxAge: millis(60_000),
    maxEntries: 100,
    grace: millis(0),
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
  { kind: 'everything' },
] as const) {
  test(`after ${revoked.kind} is revoked, Kratos is asked again and its no counts`, async () => {
    const { kratos, sessions, verify } = setup(alive(), GONE)
    assert.equal((await verify()).kind, 'verified')
    sessions.revoke(revoked)
    assert.equal((await verify()).kind, 'rejected')
    assert.equal(kratos.asked.length, 2)
  })
}

test('every cookie value of the session goes, and those of other sessions stay', async () => {
  const other = '11111111-1111-4111-8111-111111111111'
  const { kratos, sessions, verify } = setup(alive(), alive(), alive([], { id: other }), GONE)
  await verify('a')
  await verify('b')
  await verify('of another session')
  sessions.revoke({ kind: 'session', id: SESSION_ID })
  assert.equal((await verify('of another session')).kind, 'verified')
  assert.equal(kratos.asked.length, 3)
  assert.equal((await verify('a')).kind, 'rejected')
  assert.equal((await verify('b')).kind, 'rejected')
})

test('an answer that was under way when the news came is not kept, and nobody joins it (C24)', async () => {
  const first = Promise.withResolvers<Answered | Failed>()
  const { kratos, sessions, verify } = setup(first.promise, GONE)
  const early = verify()
  sessions.revoke({ kind: 'session', id: SESSION_ID })
  const late = verify()
  first.resolve(alive())
  await early
  assert.equal((await late).kind, 'rejected')
  assert.equal(kratos.asked.length, 2)
})

test('what Kratos says of a revoked session before it has committed the end is not kept', async () => {
  const { clock, kratos, sessions, verify } = setup(alive())
  sessions.revoke({ kind: 'session', id: SESSION_ID })
  await verify()
  await verify()
  assert.equal(kratos.asked.length, 2, 'asked each time while the news is fresh')
  clock.pass(HOLD + 1)
  await verify()
  await verify()
  assert.equal(kratos.asked.length, 3, 'remembered again afterwards')
})

test('news of what is not remembered changes nothing', async () => {
  const { kratos, sessions, verify } = setup(alive())
  await verify()
  sessions.revoke({ kind: 'identity', id: '22222222-2222-4222-8222-222222222222' })
  await verify()
  assert.equal(kratos.asked.length, 1)
})

/** The world as it is: Kratos ends a session, and tells at once or never. */
type Move = 'ask' | 'land' | 'end and tell' | 'pass'

test('no order of look-ups, ends and time lets a session in that was ended and told before it was asked for', async () => {
  const moves = fc.array(fc.constantFrom<Move>('ask', 'land', 'end and tell', 'pass'), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(moves, async order => {
      const clock = fakeClock()
      let ended = false
      const inFlight: (() => void)[] = []
      const sessions = createSessions({
        clock,
        // Kratos reads its database when the question arrives, the answer lands when the test says so.
        whoami: () => {
          const answer = ended ? GONE : alive()
          return new Promise(resolve => inFlight.push(() => resolve(answer)))
        },
        maxAge: millis(60_000),
        maxEntries: 10,
        grace: millis(30_000),
        secret: Buffer.from('secret of a test'),
        random: () => 0,
      })
      const request = requestWith([], { deadline: Number.POSITIVE_INFINITY as Instant })
      const waiting: Promise<void>[] = []
      for (const move of order) {
        if (move === 'ask') {
          const endedBefore = ended
          const verdict = sessions.verify(KRATOS, { kind: 'cookie', name: 's', value: 'a' }, request)
          waiting.push(
            Promise.resolve(verdict).then((outcome: Verdict) => {
              assert.ok(!(endedBefore && outcome.kind === 'verified'), 'an ended session was let in')
            }),
          )
        } else if (move === 'land') {
          inFlight.shift()?.()
          await new Promise(setImmediate)
        } else if (move === 'pass') clock.pass(1_000)
        else {
          ended = true
          sessions.revoke({ kind: 'session', id: SESSION_ID })
        }
      }
      for (const land of inFlight) land()
      await Promise.all(waiting)
    }),
    { numRuns: 300 },
  )
})
