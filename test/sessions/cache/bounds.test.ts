import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { millis } from '../../../src/lib/time.ts'
import { liveSession } from '../../support/kratos.ts'
import { createSessionHarness, KRATOS, sessionIdOf } from '../../support/session_world.ts'

/** Milliseconds from the fake clock's 05:00 to its 06:00. */
const HOUR = 3_600_000

test('no answer from memory is older than any bound on it, whatever the order of questions and time', async () => {
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
        const world = createSessionHarness({
          maxAge: ceiling,
          staleIfError: grace,
          random: () => random,
          refreshAhead,
        })
        const { clock, verify, answers, state, sessions } = world
        const end = clock.wall() + rest
        const headers = cacheFor === undefined ? [] : ([['ory-session-cache-for', String(cacheFor)]] as const)
        const living = liveSession(headers, { id: sessionIdOf('a'), expires_at: new Date(end).toISOString() })
        world.loggedIn.add('a')
        answers.set('a', living)
        /** When Kratos last said so: nothing younger can be known. */
        let told = Number.NEGATIVE_INFINITY
        state.seen = () => {
          if (answers.has('a')) told = clock.now()
        }
        for (const { pass, jump, maxAge, fresh, down } of steps) {
          clock.advance(pass)
          clock.jumpWallClock(jump)
          state.health = down ? 'down' : 'well'
          if (down) answers.delete('a')
          else answers.set('a', living)
          const endpoint = maxAge === undefined ? KRATOS : { ...KRATOS, maxAge: millis(maxAge) }
          const before = told
          const verdict = await verify('a', { fresh, endpoint })
          if (verdict.kind !== 'verified' || (verdict.cache !== 'hit' && verdict.cache !== 'stale')) continue
          const age = clock.now() - before
          const bound = Math.min(ceiling, (cacheFor ?? Number.POSITIVE_INFINITY) * 1_000)
          assert.ok(!fresh, 'fresh is never from memory')
          assert.ok(clock.wall() < end, 'never past the session’s own end')
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
  // Far below what is usual: a generator that stops producing them is a test that looks at nothing.
  assert.ok(hits > 300 && stale > 20, `the property was looked at: ${hits} hits, ${stale} stale`)
})

test('a wall clock that jumps empties the memory, whichever question comes first after it (C22)', async () => {
  for (const jump of [-10_000, 10_000]) {
    const world = createSessionHarness({ staleIfError: 600_000 })
    await world.logIn('anna', 'bert')
    world.clock.jumpWallClock(jump)
    world.state.health = 'down'
    assert.equal((await world.verify('bert')).kind, 'unavailable')
    assert.equal((await world.verify('anna')).kind, 'unavailable')
  }
})
