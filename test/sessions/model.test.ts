import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Verdict } from '../../src/access/verdict.ts'
import { millis } from '../../src/lib/time.ts'
import { createAdminProbe } from '../../src/sessions/kratos/probe.ts'
import type { RevocationTarget } from '../../src/sessions/types.ts'
import { IDENTITY_ID } from '../support/kratos.ts'
import { createSessionHarness, KRATOS, type KratosHealth, sessionIdOf } from '../support/session_world.ts'

/** Longest that a session is believed in these runs, ms. */
const TTL = 10_000
const GRACE = 20_000
const USERS = ['anna', 'bert', 'carl'] as const
type User = (typeof USERS)[number]

/** The world as it is: who is logged in, and since when it has been known here that somebody is not. */
interface Model {
  readonly loggedIn: Set<User>
  /** Counts what happens, because much happens at one time. */
  step: number
  /** The step of the news that ended it; gone with the next log-in. */
  readonly revokedAtStep: Map<User, number>
  /** Monotonic time at which it ended in Kratos. */
  readonly endedAt: Map<User, number>
}
interface Real {
  readonly world: ReturnType<typeof createSessionHarness>
  readonly pending: Promise<void>[]
  readonly failures: unknown[]
  admitted: number
}
type Step = fc.AsyncCommand<Model, Real>

const settled = () => new Promise(setImmediate)
const step = (name: string, run: (model: Model, real: Real) => Promise<void> | void): Step => ({
  check: () => true,
  async run(model, real) {
    model.step++
    await run(model, real)
    await settled()
  },
  toString: () => name,
})

/** What must hold of an answer, by what was known when the question was put. */
function checkVerdict(
  model: Model,
  real: Real,
  user: User,
  verdict: Verdict,
  put: { step: number; at: number },
): void {
  if (verdict.kind !== 'verified') return
  real.admitted++
  assert.equal(verdict.session.id, sessionIdOf(user), 'one user’s session for another')
  const told = model.revokedAtStep.get(user)
  assert.ok(told === undefined || told > put.step, `${user} was let in after news of the end`)
  const ended = model.endedAt.get(user)
  if (ended === undefined || verdict.cache === 'miss' || verdict.cache === 'shared') return
  const bound = verdict.cache === 'stale' ? TTL + GRACE : TTL
  assert.ok(put.at - ended < bound, `${user} was let in ${put.at - ended} ms after the end`)
}

const verify = (user: User, fresh: boolean, brief: boolean): Step =>
  step(`${fresh ? 'verify anew' : 'verify'} ${user}${brief ? ' briefly' : ''}`, (model, real) => {
    const put = { step: model.step, at: real.world.clock.now() }
    const endpoint = brief ? { ...KRATOS, maxAge: millis(3_000) } : KRATOS
    const verdict = real.world.verify(user, { fresh, endpoint })
    const looked = Promise.resolve(verdict).then(answer => checkVerdict(model, real, user, answer, put))
    real.pending.push(looked.catch(fault => void real.failures.push(fault)))
  })

const logIn = (user: User): Step =>
  step(`${user} logs in`, (model, { world }) => {
    model.loggedIn.add(user)
    model.revokedAtStep.delete(user)
    model.endedAt.delete(user)
    world.loggedIn.add(user)
  })

const endSilently = (user: User): Step =>
  step(`${user} is ended without news`, (model, { world }) => {
    if (model.loggedIn.delete(user)) model.endedAt.set(user, world.clock.now())
    world.loggedIn.delete(user)
  })

const revoke = (users: readonly User[], revoked: RevocationTarget): Step =>
  step(`revoke ${revoked.kind} of ${users.join(', ')}`, (model, { world }) => {
    for (const user of users) {
      model.loggedIn.delete(user)
      world.loggedIn.delete(user)
      model.revokedAtStep.set(user, model.step)
    }
    world.sessions.revoke(revoked)
  })

const advance = (span: number): Step =>
  step(`${span} ms pass`, (_model, { world }) => world.clock.advance(span))

const setHealth = (health: KratosHealth): Step =>
  step(`Kratos is ${health}`, (_model, { world }) => {
    if (health === 'well') world.kratos.letGo()
    world.state.health = health
  })

const answerHeldCalls = step('Kratos answers', (_model, { world }) => {
  const { health } = world.state
  world.kratos.letGo(health === 'slow' ? 'well' : health)
  world.state.health = health
})

const clearCache = step('everything is forgotten', (_model, { world }) => world.sessions.clear())

const user = fc.constantFrom(...USERS)
const usual = user.map(who => verify(who, false, false))
/** As many times as it is to be drawn more often than the others. */
const COMMANDS = [
  ...[usual, usual, usual, usual],
  fc.tuple(user, fc.boolean(), fc.boolean()).map(([who, fresh, brief]) => verify(who, fresh, brief)),
  ...[user.map(logIn), user.map(logIn)],
  user.map(endSilently),
  user.map(who => revoke([who], { kind: 'session', id: sessionIdOf(who) })),
  fc.constant(revoke(USERS, { kind: 'identity', id: IDENTITY_ID })),
  fc.constant(revoke(USERS, { kind: 'everything' })),
  fc.constantFrom(100, 900, 2_500, 5_001, 9_000, 21_000).map(advance),
  fc
    .constantFrom<KratosHealth>('well', 'well', 'well', 'slow', 'slow', 'sick', 'down', 'error')
    .map(setHealth),
  fc.constant(answerHeldCalls),
  fc.constant(clearCache),
]

for (const [what, probed] of [
  ['without a probe', false],
  ['with the admin API', true],
] as const) {
  test(`no order of look-ups, log-ins, ends, news, renewals, outages and time lets in a revoked session, ${what}`, async () => {
    let letIn = 0
    await fc.assert(
      fc.asyncProperty(fc.commands(COMMANDS, { maxCommands: 80, size: 'max' }), async commands => {
        const world = createSessionHarness({
          maxAge: TTL,
          staleIfError: GRACE,
          refreshAhead: 0.5,
          negativeCache: { ttl: 1_000, entries: 10 },
          upstreamOptions: {
            outageBurst: 2,
            minRequests: 3,
            maxConcurrentRequests: 4,
            maxPendingRequests: 4,
            rejectionBurst: 5,
          },
          ...(probed ? { probe: ({ admin }) => createAdminProbe(admin) } : {}),
        })
        const real: Real = { world, pending: [], failures: [], admitted: 0 }
        const model: Model = { loggedIn: new Set(), step: 0, revokedAtStep: new Map(), endedAt: new Map() }
        for (const one of USERS) {
          model.loggedIn.add(one)
          world.loggedIn.add(one)
        }
        await fc.asyncModelRun(() => ({ model, real }), commands)
        for (let i = 0; i < 20; i++) {
          world.kratos.letGo('down')
          await settled()
        }
        await Promise.all(real.pending)
        if (real.failures.length > 0) throw real.failures[0]
        letIn += real.admitted
      }),
      { numRuns: 800 },
    )
    assert.ok(letIn > 500, `the property was looked at: ${letIn} times somebody was let in`)
  })
}
