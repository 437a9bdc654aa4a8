import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../src/lib/time.ts'
import {
  type CallOutcome,
  type CircuitBreakerDependencies,
  createCircuitBreaker,
  type Permit,
} from '../../src/resilience/circuit_breaker.ts'
import { fakeClock } from '../support/clock.ts'

function setup(over: Partial<CircuitBreakerDependencies> = {}) {
  const clock = fakeClock()
  const turns: string[] = []
  const breaker = createCircuitBreaker({
    clock,
    random: () => 0,
    failureRatio: 0.5,
    minRequests: 4,
    openDuration: millis(2_000),
    outageBurst: 3,
    maxOutageDuration: millis(30_000),
    onTransition: (state, cause) => turns.push(`${state} ${cause}`),
    ...over,
  })
  const enter = (known = true) => breaker.tryAcquire(known)
  let sources = 0
  /** Each of another user in another network. */
  const release = (permit: Permit, outcome: CallOutcome) =>
    breaker.release(permit, outcome, { key: `${sources++}`, network: `${sources}` })
  /** One call after another. */
  const all = (outcomes: readonly CallOutcome[], known = true) => {
    for (const outcome of outcomes) release(enter(known) as Permit, outcome)
  }
  return { clock, breaker, turns, enter, all, release }
}

test('opens at the failure ratio, once there are enough calls', () => {
  const few = setup()
  few.all(['failed', 'failed', 'failed'])
  assert.equal(few.breaker.state, 'closed')
  few.all(['failed'])
  assert.equal(few.breaker.state, 'open')
  assert.equal(few.enter(), undefined)

  const mixed = setup()
  mixed.all(['live', 'rejected', 'live', 'failed', 'failed'])
  assert.equal(mixed.breaker.state, 'closed')
  mixed.all(['failed'])
  assert.equal(mixed.breaker.state, 'open')
})

test('ignores failures outside the window', () => {
  const { clock, breaker, all } = setup()
  all(['failed', 'failed', 'failed'])
  clock.advance(25_000)
  all(['failed'])
  assert.equal(breaker.state, 'closed')
})

test('counts failures of the previous span', () => {
  const { clock, breaker, all } = setup()
  all(['failed', 'failed', 'failed'])
  clock.advance(12_000)
  all(['failed'])
  assert.equal(breaker.state, 'open')
})

test('half open, it allows one call; a response closes it, a failure opens it again', () => {
  const { clock, breaker, turns, enter, all } = setup()
  all(['failed', 'failed', 'failed', 'failed'])
  assert.equal(breaker.retryAfter, 2_000)
  clock.advance(1_999)
  assert.equal(enter(), undefined)
  clock.advance(1)
  const first = enter() as Permit
  assert.equal(enter(true), undefined)
  assert.equal(enter(false), undefined)
  breaker.release(first, 'failed')
  assert.equal(breaker.state, 'open')
  clock.advance(2_000)
  breaker.release(enter(false) as Permit, 'rejected')
  assert.equal(breaker.state, 'closed')
  const cycle = ['open failures', 'half_open failures']
  assert.deepEqual(turns, [...cycle, ...cycle, 'closed failures'])
})

test('a trial call that was not made frees its permit', () => {
  const { clock, breaker, enter, all } = setup()
  all(['failed', 'failed', 'failed', 'failed'])
  clock.advance(2_000)
  breaker.release(enter() as Permit, 'not_called')
  assert.notEqual(enter(), undefined)
})

test('calls from before it opened do not count while it is half open', () => {
  const { clock, breaker, enter, all } = setup()
  const early = [enter() as Permit, enter() as Permit]
  all(['failed', 'failed', 'failed', 'failed'])
  breaker.release(early[0] as Permit, 'live')
  assert.equal(breaker.state, 'open')
  clock.advance(2_000)
  const trial = enter() as Permit
  breaker.release(early[1] as Permit, 'failed')
  assert.equal(breaker.state, 'half_open')
  breaker.release(trial, 'live')
  assert.equal(breaker.state, 'closed')
})

test('a late trial call of an earlier phase neither counts nor frees a permit', () => {
  const { clock, breaker, enter, all } = setup()
  all(['unexpected', 'unexpected', 'unexpected'])
  const late = enter(true) as Permit
  breaker.release(enter(false) as Permit, 'failed')
  clock.advance(2_000)
  const trial = enter(true) as Permit
  breaker.release(late, 'live')
  assert.equal(breaker.state, 'half_open')
  assert.equal(enter(true), undefined)
  breaker.release(trial, 'live')
  assert.equal(breaker.state, 'closed')
})

test('replicas do not make their trial calls together', () => {
  const { breaker, all } = setup({ random: () => 0.8 })
  all(['failed', 'failed', 'failed', 'failed'])
  assert.equal(breaker.retryAfter, 2_400)
})

test('a burst of unexpected rejections makes it half open; one live session in between prevents that', () => {
  const calm = setup()
  calm.all(['unexpected', 'unexpected', 'live', 'unexpected', 'unexpected', 'rejected'])
  assert.equal(calm.breaker.state, 'closed')
  calm.all(['unexpected'])
  assert.equal(calm.breaker.state, 'half_open', 'a rejection of an unknown credential does not prove health')
  assert.equal(calm.breaker.cause, 'unexpected_rejections')
})

test('after a burst, one verified and one unverified credential may call; of the latter only a live session counts', () => {
  const { breaker, enter, all, release } = setup()
  all(['unexpected', 'unexpected', 'unexpected'])
  const known = enter(true) as Permit
  assert.equal(enter(true), undefined)
  breaker.release(enter(false) as Permit, 'rejected')
  assert.equal(breaker.state, 'half_open')
  const unverified = enter(false) as Permit
  release(known, 'unexpected')
  assert.equal(breaker.state, 'open')
  breaker.release(unverified, 'live')
  assert.equal(breaker.state, 'closed', 'a live session outweighs the rejection of another one')
})

test('a trial call that ends after it opened again counts only if it returns a live session', () => {
  for (const outcome of ['rejected', 'failed'] as const) {
    const { clock, breaker, enter, all, release } = setup()
    all(['unexpected', 'unexpected', 'unexpected'])
    const known = enter(true) as Permit
    const unverified = enter(false) as Permit
    release(known, 'unexpected')
    clock.advance(1_000)
    breaker.release(unverified, outcome)
    assert.equal(breaker.retryAfter, 1_000)
  }
})

test('of one user or network, neither rejections nor failures of one credential open it', () => {
  for (const outcome of ['unexpected', 'failed'] as const) {
    const { breaker, enter } = setup({ minRequests: 6 })
    const report = (key: string, network: string) =>
      breaker.release(enter() as Permit, outcome, { key, network })
    for (let i = 0; i < 30; i++) report('one user', `network ${i}`)
    for (let i = 0; i < 30; i++) report(`user ${i}`, 'one network')
    assert.equal(breaker.state, 'closed', outcome)
    for (let i = 0; i < 6 && breaker.state === 'closed'; i++) report(`another ${i}`, `network ${i}`)
    assert.notEqual(breaker.state, 'closed', outcome)
  }
})

test('half open, further failures of a counted credential do not open it again', () => {
  const { clock, breaker, enter, all } = setup()
  const source = { key: 'odd', network: 'n' }
  all(['failed', 'failed', 'failed', 'failed'])
  clock.advance(2_000)
  breaker.release(enter() as Permit, 'failed', source)
  assert.equal(breaker.state, 'open')
  clock.advance(2_000)
  breaker.release(enter() as Permit, 'failed', source)
  assert.equal(breaker.state, 'half_open')
  breaker.release(enter() as Permit, 'live')
  assert.equal(breaker.state, 'closed')
})

test('a live session closes it after a burst', () => {
  const { breaker, enter, all } = setup()
  all(['unexpected', 'unexpected', 'unexpected'])
  breaker.release(enter(false) as Permit, 'live')
  assert.equal(breaker.state, 'closed')
})

test('a burst counts for a bounded time, and bursts are then ignored until Kratos returns a live session', () => {
  const { clock, breaker, enter, all } = setup()
  all(['unexpected', 'unexpected', 'unexpected'])
  for (let i = 0; i < 14; i++) {
    breaker.release(enter() as Permit, 'unexpected')
    clock.advance(2_000)
  }
  assert.equal(breaker.state, 'half_open')
  clock.advance(2_000)
  assert.equal(breaker.state, 'closed')
  all(['unexpected', 'unexpected', 'unexpected', 'unexpected'])
  assert.equal(breaker.state, 'closed')
  all(['live', 'unexpected', 'unexpected', 'unexpected'])
  assert.equal(breaker.state, 'half_open')
})
