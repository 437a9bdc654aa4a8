/** Users whose session Kratos has verified are never denied while it fails or recovers, for 60 % of the time that it granted. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { HttpFailure, HttpResponse } from '../../../src/clients/http/message.ts'
import { createAdminProbe } from '../../../src/sessions/kratos/probe.ts'
import { answered, liveSession } from '../../support/kratos.ts'
import {
  createSessionHarness,
  identityIdOf,
  numbered,
  sessionIdOf,
  UNAUTHORIZED,
} from '../../support/session_harness.ts'

const TTL_MS = 60_000
const MAX_SKEW_MS = 2_000
const SHARE = 0.6

const MOODS: Readonly<Record<string, HttpResponse | HttpFailure | 'hang' | undefined>> = {
  healthy: undefined,
  'rejecting everybody': UNAUTHORIZED,
  'without a database': answered(500),
  'behind a proxy that fails': answered(502),
  'behind a login page': answered(200, '<html>'),
  'of an empty body': answered(200),
  'of another document': answered(200, { id: 'x' }),
  'behind a firewall': answered(403, '<html>'),
  'limiting calls': answered(429),
  refusing: { kind: 'failed', cause: 'connect', message: 'refused' },
  'breaking off': { kind: 'failed', cause: 'reset', message: 'reset' },
  'timing out': { kind: 'failed', cause: 'timeout', message: 'timeout' },
  hanging: 'hang',
}
const USERS = numbered(6)

for (const [what, options] of [
  ['without a probe', {}],
  ['with the admin API', { probe: ({ admin }: { admin: never }) => createAdminProbe(admin) }],
  ['with stale_if_error', { staleIfError: 300_000 }],
] as const) {
  test(`known sessions are not denied while Kratos fails or recovers, ${what}`, async () => {
    let hits = 0
    const steps = fc.array(
      fc.record({
        mood: fc.constantFrom(...Object.keys(MOODS)),
        span: fc.integer({ min: 0, max: 15_000 }),
        who: fc.subarray(USERS),
        strangers: fc.integer({ min: 0, max: 30 }),
      }),
      { minLength: 5, maxLength: 30 },
    )
    const lifetimes = fc.array(fc.integer({ min: 5_000, max: 120_000 }), { minLength: 6, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(
        steps,
        lifetimes,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (moods, spans, random) => {
          const harness = createSessionHarness({
            maxAge: TTL_MS,
            refreshAhead: 0.2,
            random: () => random,
            ...options,
          } as never)
          const { clock, state, kratos, verify } = harness
          const grantedUntil = new Map<string, number>()
          const sessionOf = (value: string, end: number) =>
            liveSession([], {
              id: sessionIdOf(value),
              identity: { id: identityIdOf(value), state: 'active' },
              expires_at: new Date(end).toISOString(),
            })
          for (const [i, value] of USERS.entries()) {
            const span = spans[i] as number
            state.overrides.set(value, sessionOf(value, clock.wall() + span))
            assert.equal((await verify(value)).kind, 'verified')
            grantedUntil.set(value, clock.now() + SHARE * Math.min(TTL_MS, span - MAX_SKEW_MS))
          }
          const waiting: unknown[] = []
          for (const { mood, span, who, strangers } of moods) {
            const response = MOODS[mood]
            state.health = response === 'hang' ? 'slow' : 'healthy'
            for (const value of numbered(strangers, `stranger of ${mood}`)) {
              if (response !== undefined && response !== 'hang') state.overrides.set(value, response)
              waiting.push(verify(value))
            }
            for (const value of USERS)
              if (response !== undefined && response !== 'hang') state.overrides.set(value, response)
            for (const value of who) {
              if (clock.now() > (grantedUntil.get(value) as number)) continue
              const verdict = verify(value)
              assert.ok(!(verdict instanceof Promise), `${value} had to wait while Kratos was ${mood}`)
              assert.equal(verdict.kind, 'verified')
              hits++
            }
            await new Promise(setImmediate)
            clock.advance(span)
            if (response === 'hang') kratos.releaseCalls()
            await new Promise(setImmediate)
          }
          kratos.releaseCalls()
          await Promise.all(waiting)
        },
      ),
      { numRuns: 50 },
    )
    assert.ok(hits > 200, `${hits} requests of known sessions`)
  })
}
