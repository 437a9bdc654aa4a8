import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { Verdict } from '../../src/access/verdict.ts'
import { millis } from '../../src/lib/time.ts'
import { createAdminProbe } from '../../src/sessions/kratos/probe.ts'
import type { RevocationTarget } from '../../src/sessions/types.ts'
import { IDENTITY_ID } from '../support/kratos.ts'
import {
  createSessionHarness,
  identityIdOf,
  KRATOS,
  type KratosHealth,
  sessionIdOf,
} from '../support/session_harness.ts'

/** Maximum freshness lifetime, ms. */
const TTL = 10_000
const STALE_IF_ERROR = 20_000
const USERS = ['anna', 'bert', 'carl'] as const
type User = (typeof USERS)[number]

/** The harness as it is: who is logged in, and since when it has been known here that somebody is not. */
interface Model {
  readonly loggedIn: Set<User>
  /** Number of the current step. The clock stands still over many steps. */
  step: number
  /** Step of the revocation; removed by the next login. */
  readonly revokedAtStep: Map<User, number>
  /** Monotonic time at which the session ended in Kratos. */
  readonly endedAt: Map<User, number>
}
interface Real {
  readonly harness: ReturnType<typeof createSessionHarness>
  readonly pending: Promise<void>[]
  readonly failures: unknown[]
  accepted: number
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

/** Checks a verdict against the state at the start of its lookup. */
function checkVerdict(
  model: Model,
  real: Real,
  user: User,
  verdict: Verdict,
  put: { step: number; at: number },
): void {
  if (verdict.kind !== 'verified') return
  real.accepted++
  assert.equal(verdict.session.id, sessionIdOf(user), 'one user’s session for another')
  const revokedAtStep = model.revokedAtStep.get(user)
  assert.ok(
    revokedAtStep === undefined || revokedAtStep > put.step,
    `${user} was accepted after the revocation`,
  )
  const ended = model.endedAt.get(user)
  if (ended === undefined || verdict.cache === 'miss' || verdict.cache === 'joined') return
  const bound = verdict.cache === 'stale' ? TTL + STALE_IF_ERROR : TTL
  assert.ok(put.at - ended < bound, `${user} was accepted ${put.at - ended} ms after the end`)
}

const verify = (user: User, fresh: boolean, brief: boolean): Step =>
  step(`${fresh ? 'verify anew' : 'verify'} ${user}${brief ? ' briefly' : ''}`, (model, real) => {
    const put = { step: model.step, at: real.harness.clock.now() }
    const endpoint = brief ? { ...KRATOS, maxAge: millis(3_000) } : KRATOS
    const verdict = real.harness.verify(user, { fresh, endpoint })
    const looked = Promise.resolve(verdict).then(answer => checkVerdict(model, real, user, answer, put))
    real.pending.push(looked.catch(fault => void real.failures.push(fault)))
  })

const logIn = (user: User): Step =>
  step(`${user} logs in`, (model, { harness }) => {
    model.loggedIn.add(user)
    model.revokedAtStep.delete(user)
    model.endedAt.delete(user)
    harness.loggedIn.add(user)
  })

const endSilently = (user: User): Step =>
  step(`${user} ends without a revocation`, (model, { harness }) => {
    if (model.loggedIn.delete(user)) model.endedAt.set(user, harness.clock.now())
    harness.loggedIn.delete(user)
  })

const revoke = (users: readonly User[], revoked: RevocationTarget): Step =>
  step(`revoke ${revoked.kind} of ${users.join(', ')}`, (model, { harness }) => {
    for (const user of users) {
      model.loggedIn.delete(user)
      harness.loggedIn.delete(user)
      model.revokedAtStep.set(user, model.step)
    }
    harness.sessions.revoke(revoked)
  })

const advance = (span: number): Step =>
  step(`${span} ms pass`, (_model, { harness }) => harness.clock.advance(span))

const setHealth = (health: KratosHealth): Step =>
  step(`Kratos is ${health}`, (_model, { harness }) => {
    if (health === 'healthy') harness.kratos.releaseCalls()
    harness.state.health = health
  })

const answerHeldCalls = step('Kratos answers', (_model, { harness }) => {
  const { health } = harness.state
  harness.kratos.releaseCalls(health === 'slow' ? 'healthy' : health)
  harness.state.health = health
})

const clearCache = step('the cache is cleared', (_model, { harness }) => harness.sessions.clear())

const user = fc.constantFrom(...USERS)
const usual = user.map(who => verify(who, false, false))
/** Repeated entries are drawn more often. */
const COMMANDS = [
  ...[usual, usual, usual, usual],
  fc.tuple(user, fc.boolean(), fc.boolean()).map(([who, fresh, brief]) => verify(who, fresh, brief)),
  ...[user.map(logIn), user.map(logIn)],
  user.map(endSilently),
  user.map(who => revoke([who], { kind: 'session', id: sessionIdOf(who) })),
  fc.constant(revoke(['anna', 'bert'], { kind: 'identity', id: IDENTITY_ID })),
  fc.constant(revoke(['carl'], { kind: 'identity', id: identityIdOf('carl') })),
  fc.constant(revoke(USERS, { kind: 'everything' })),
  fc.constantFrom(100, 900, 2_500, 5_001, 9_000, 21_000).map(advance),
  fc
    .constantFrom<KratosHealth>('healthy', 'healthy', 'healthy', 'slow', 'slow', 'unhealthy', 'down', 'error')
    .map(setHealth),
  fc.constant(answerHeldCalls),
  fc.constant(clearCache),
]

for (const [what, probed] of [
  ['without a probe', false],
  ['with the admin API', true],
] as const) {
  test(`no order of lookups, logins, ends, revocations, refreshes, outages and time accepts a revoked session, ${what}`, async () => {
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(fc.commands(COMMANDS, { maxCommands: 80, size: 'max' }), async commands => {
        const harness = createSessionHarness({
          maxAge: TTL,
          staleIfError: STALE_IF_ERROR,
          refreshAhead: 0.5,
          negativeCache: { ttl: 1_000, maxEntries: 10 },
          upstreamOptions: {
            outageBurst: 2,
            minRequests: 3,
            maxConcurrentRequests: 4,
            maxPendingRequests: 4,
            rejectionBurst: 5,
          },
          ...(probed ? { probe: ({ admin }) => createAdminProbe(admin) } : {}),
        })
        // Two sessions of one user, and one of another.
        harness.state.identityOf = value => (value === 'carl' ? identityIdOf(value) : IDENTITY_ID)
        const real: Real = { harness, pending: [], failures: [], accepted: 0 }
        const model: Model = { loggedIn: new Set(), step: 0, revokedAtStep: new Map(), endedAt: new Map() }
        for (const one of USERS) {
          model.loggedIn.add(one)
          harness.loggedIn.add(one)
        }
        await fc.asyncModelRun(() => ({ model, real }), commands)
        for (let i = 0; i < 20; i++) {
          harness.kratos.releaseCalls('down')
          await settled()
        }
        await Promise.all(real.pending)
        if (real.failures.length > 0) throw real.failures[0]
        accepted += real.accepted
      }),
      { numRuns: 800 },
    )
    assert.ok(accepted > 500, `too few cases: ${accepted} accepted`)
  })
}
