import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { millis } from '../../../src/lib/time.ts'
import { liveSession } from '../../support/kratos.ts'
import { createSessionHarness, KRATOS, sessionIdOf } from '../../support/session_harness.ts'

/** ms until the session of the fake Kratos expires. */
const HOUR = 3_600_000

test('no cache hit is older than any of its bounds, in any order of lookups and time', async () => {
  const ms = (max: number) => fc.integer({ min: 1, max })
  const step = fc.record({
    pass: fc.oneof(
      { weight: 6, arbitrary: ms(5_000) },
      { weight: 3, arbitrary: ms(30_000) },
      { weight: 1, arbitrary: ms(200_000) },
    ),
    jump: fc.oneof(
      { weight: 20, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -5_000, max: 5_000 }) },
    ),
    maxAge: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: ms(60_000) }),
    fresh: fc.nat({ max: 9 }).map(n => n === 0),
    down: fc.nat({ max: 3 }).map(n => n === 0),
  })
  let hits = 0
  let stale = 0
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        ceiling: ms(120_000),
        grace: fc.constantFrom(0, 60_000, 60_000),
        rest: fc.oneof(ms(60_000), ms(HOUR)),
        cacheFor: fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 200 })),
        random: fc.double({ min: 0, max: 0.999, noNaN: true }),
        refreshAhead: fc.constantFrom(0, 0.2, 1),
        steps: fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }),
      }),
      async ({ ceiling, grace, rest, cacheFor, random, refreshAhead, steps }) => {
        const harness = createSessionHarness({
          maxAge: ceiling,
          staleIfError: grace,
          random: () => random,
          refreshAhead,
        })
        const { clock, verify, overrides, state, sessions } = harness
        const end = clock.wall() + rest
        const headers = cacheFor === undefined ? [] : ([['ory-session-cache-for', String(cacheFor)]] as const)
        const living = liveSession(headers, { id: sessionIdOf('a'), expires_at: new Date(end).toISOString() })
        harness.loggedIn.add('a')
        overrides.set('a', living)
        /** Time of the last call with a live session. */
        let verifiedAt = Number.NEGATIVE_INFINITY
        state.onCall = () => {
          if (overrides.has('a')) verifiedAt = clock.now()
        }
        for (const { pass, jump, maxAge, fresh, down } of steps) {
          clock.advance(pass)
          clock.jumpWallClock(jump)
          state.health = down ? 'down' : 'healthy'
          if (down) overrides.delete('a')
          else overrides.set('a', living)
          const endpoint = maxAge === undefined ? KRATOS : { ...KRATOS, maxAge: millis(maxAge) }
          const before = verifiedAt
          const verdict = await verify('a', { fresh, endpoint })
          if (verdict.kind !== 'verified' || (verdict.cache !== 'hit' && verdict.cache !== 'stale')) continue
          const age = clock.now() - before
          const bound = Math.min(ceiling, (cacheFor ?? Number.POSITIVE_INFINITY) * 1_000)
          assert.ok(!fresh, '`fresh` never uses the cache')
          assert.ok(clock.wall() < end, 'never after the session expires')
          if (verdict.cache === 'stale') {
            stale++
            assert.ok(down && maxAge === undefined && age < bound + grace)
          } else {
            hits++
            assert.ok(age < Math.min(bound, maxAge ?? bound), `${age} ms`)
          }
          await new Promise(setImmediate)
        }
        assert.ok(sessions.size <= 1)
      },
    ),
    { numRuns: 300 },
  )
  // Far below the usual numbers. Without any hits the property would hold trivially.
  assert.ok(hits > 300 && stale > 20, `too few cases: ${hits} hits, ${stale} stale`)
})

test('a jump of the wall clock clears the cache, whichever session is looked up first (C22)', async () => {
  for (const jump of [-10_000, 10_000]) {
    const harness = createSessionHarness({ staleIfError: 600_000 })
    await harness.logIn('anna', 'bert')
    harness.clock.jumpWallClock(jump)
    harness.state.health = 'down'
    assert.equal((await harness.verify('bert')).kind, 'unavailable')
    assert.equal((await harness.verify('anna')).kind, 'unavailable')
  }
})
