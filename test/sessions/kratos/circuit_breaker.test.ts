import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import {
  type CallOutcome,
  type CircuitBreakerDependencies,
  createCircuitBreaker,
  type Permit,
} from '../../../src/sessions/kratos/circuit_breaker.ts'
import { fakeClock } from '../../support/clock.ts'

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
  /** One after another, all let in. */
  const all = (outcomes: readonly CallOutcome[], known = true) => {
    for (const outcome of outcomes) breaker.release(enter(known) as Permit, outcome)
  }
  return { clock, breaker, turns, enter, all }
}

test('it opens by the share of failures, once there are enough to say anything', () => {
  const few = setup()
  few.all(['failed', 'failed', 'failed'])
  assert.equal(few.breaker.state, 'closed')
  few.all(['failed'])
  assert.equal(few.breaker.state, 'open')
  assert.equal(few.enter(), undefined)

  const mixed = setup()
  mixed.all(['good', 'refused', 'good', 'failed', 'failed'])
  assert.equal(mixed.breaker.state, 'closed')
  mixed.all(['failed'])
  assert.equal(mixed.breaker.state, 'open')
})

test('failures of long ago say nothing', () => {
  const { clock, breaker, all } = setup()
  all(['failed', 'failed', 'failed'])
  clock.advance(25_000)
  all(['failed'])
  assert.equal(breaker.state, 'closed')
})

test('failures of the span before count still', () => {
  const { clock, breaker, all } = setup()
  all(['failed', 'failed', 'failed'])
  clock.advance(12_000)
  all(['failed'])
  assert.equal(breaker.state, 'open')
})

test('after its time one asks, and nobody else; an answer closes it, another failure opens it again', () => {
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
  breaker.release(enter(false) as Permit, 'refused')
  assert.equal(breaker.state, 'closed')
  const cycle = ['open failures', 'half open failures']
  assert.deepEqual(turns, [...cycle, ...cycle, 'closed failures'])
})

test('a trial that did not ask after all leaves its place to the next', () => {
  const { clock, breaker, enter, all } = setup()
  all(['failed', 'failed', 'failed', 'failed'])
  clock.advance(2_000)
  breaker.release(enter() as Permit, 'none')
  assert.notEqual(enter(), undefined)
})

test('what was asked before it opened decides nothing while it is tried', () => {
  const { clock, breaker, enter, all } = setup()
  const early = [enter() as Permit, enter() as Permit]
  all(['failed', 'failed', 'failed', 'failed'])
  breaker.release(early[0] as Permit, 'good')
  assert.equal(breaker.state, 'open')
  clock.advance(2_000)
  const trial = enter() as Permit
  breaker.release(early[1] as Permit, 'failed')
  assert.equal(breaker.state, 'half open')
  breaker.release(trial, 'good')
  assert.equal(breaker.state, 'closed')
})

test('an earlier trial that answers late neither decides nor gives its place away', () => {
  const { clock, breaker, enter, all } = setup()
  all(['doubted', 'doubted', 'doubted'])
  const late = enter(true) as Permit
  breaker.release(enter(false) as Permit, 'failed')
  clock.advance(2_000)
  const trial = enter(true) as Permit
  breaker.release(late, 'good')
  assert.equal(breaker.state, 'half open')
  assert.equal(enter(true), undefined)
  breaker.release(trial, 'good')
  assert.equal(breaker.state, 'closed')
})

test('replicas do not try again together', () => {
  const { breaker, all } = setup({ random: () => 0.8 })
  all(['failed', 'failed', 'failed', 'failed'])
  assert.equal(breaker.retryAfter, 2_400)
})

test('doubtful refusals in a row are looked at by one trial; one live session between them is enough to believe', () => {
  const calm = setup()
  calm.all(['doubted', 'doubted', 'good', 'doubted', 'doubted', 'refused'])
  assert.equal(calm.breaker.state, 'closed')
  calm.all(['doubted'])
  assert.equal(calm.breaker.state, 'half open', 'a refusal of somebody unknown is no sign of health')
  assert.equal(calm.breaker.cause, 'doubt')
})

test('after a burst, one known and one unknown credential may try; of the unknown only a live session decides', () => {
  const { breaker, enter, all } = setup()
  all(['doubted', 'doubted', 'doubted'])
  const known = enter(true) as Permit
  assert.equal(enter(true), undefined)
  breaker.release(enter(false) as Permit, 'refused')
  assert.equal(breaker.state, 'half open')
  const stranger = enter(false) as Permit
  breaker.release(known, 'doubted')
  assert.equal(breaker.state, 'open')
  breaker.release(stranger, 'good')
  assert.equal(breaker.state, 'open', 'an earlier trial is no longer news')
})

test('a live session ends a burst at once', () => {
  const { breaker, enter, all } = setup()
  all(['doubted', 'doubted', 'doubted'])
  breaker.release(enter(false) as Permit, 'good')
  assert.equal(breaker.state, 'closed')
})

test('a burst is held for a bounded time, and is not held again before Kratos knows somebody', () => {
  const { clock, breaker, enter, all } = setup()
  all(['doubted', 'doubted', 'doubted'])
  for (let i = 0; i < 14; i++) {
    breaker.release(enter() as Permit, 'doubted')
    clock.advance(2_000)
  }
  assert.equal(breaker.state, 'half open')
  clock.advance(2_000)
  assert.equal(breaker.state, 'closed')
  all(['doubted', 'doubted', 'doubted', 'doubted'])
  assert.equal(breaker.state, 'closed')
  all(['good', 'doubted', 'doubted', 'doubted'])
  assert.equal(breaker.state, 'half open')
})
