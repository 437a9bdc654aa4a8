import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import {
  type BreakerOptions,
  createBreaker,
  type Outcome,
  type Pass,
} from '../../../src/sessions/kratos/circuit_breaker.ts'
import { fakeClock } from '../../support/clock.ts'

function setup(over: Partial<BreakerOptions> = {}) {
  const clock = fakeClock()
  const turns: string[] = []
  const breaker = createBreaker({
    clock,
    random: () => 0,
    failureRatio: 0.5,
    minimum: 4,
    openFor: millis(2_000),
    burst: 3,
    longestDoubt: millis(30_000),
    changed: (state, cause) => turns.push(`${state} ${cause}`),
    ...over,
  })
  const enter = (known = true) => breaker.enter(known)
  /** One after another, all let in. */
  const all = (outcomes: readonly Outcome[], known = true) => {
    for (const outcome of outcomes) breaker.leave(enter(known) as Pass, outcome)
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
  clock.pass(25_000)
  all(['failed'])
  assert.equal(breaker.state, 'closed')
})

test('failures of the span before count still', () => {
  const { clock, breaker, all } = setup()
  all(['failed', 'failed', 'failed'])
  clock.pass(12_000)
  all(['failed'])
  assert.equal(breaker.state, 'open')
})

test('after its time one asks, and nobody else; an answer closes it, another failure opens it again', () => {
  const { clock, breaker, turns, enter, all } = setup()
  all(['failed', 'failed', 'failed', 'failed'])
  assert.equal(breaker.left, 2_000)
  clock.pass(1_999)
  assert.equal(enter(), undefined)
  clock.pass(1)
  const first = enter() as Pass
  assert.equal(enter(true), undefined)
  assert.equal(enter(false), undefined)
  breaker.leave(first, 'failed')
  assert.equal(breaker.state, 'open')
  clock.pass(2_000)
  breaker.leave(enter(false) as Pass, 'refused')
  assert.equal(breaker.state, 'closed')
  const cycle = ['open failures', 'half open failures']
  assert.deepEqual(turns, [...cycle, ...cycle, 'closed failures'])
})

test('a trial that did not ask after all leaves its place to the next', () => {
  const { clock, breaker, enter, all } = setup()
  all(['failed', 'failed', 'failed', 'failed'])
  clock.pass(2_000)
  breaker.leave(enter() as Pass, 'none')
  assert.notEqual(enter(), undefined)
})

test('what was asked before it opened decides nothing while it is tried', () => {
  const { clock, breaker, enter, all } = setup()
  const early = [enter() as Pass, enter() as Pass]
  all(['failed', 'failed', 'failed', 'failed'])
  breaker.leave(early[0] as Pass, 'good')
  assert.equal(breaker.state, 'open')
  clock.pass(2_000)
  const trial = enter() as Pass
  breaker.leave(early[1] as Pass, 'failed')
  assert.equal(breaker.state, 'half open')
  breaker.leave(trial, 'good')
  assert.equal(breaker.state, 'closed')
})

test('an earlier trial that answers late neither decides nor gives its place away', () => {
  const { clock, breaker, enter, all } = setup()
  all(['doubted', 'doubted', 'doubted'])
  const late = enter(true) as Pass
  breaker.leave(enter(false) as Pass, 'failed')
  clock.pass(2_000)
  const trial = enter(true) as Pass
  breaker.leave(late, 'good')
  assert.equal(breaker.state, 'half open')
  assert.equal(enter(true), undefined)
  breaker.leave(trial, 'good')
  assert.equal(breaker.state, 'closed')
})

test('replicas do not try again together', () => {
  const { breaker, all } = setup({ random: () => 0.8 })
  all(['failed', 'failed', 'failed', 'failed'])
  assert.equal(breaker.left, 2_400)
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
  const known = enter(true) as Pass
  assert.equal(enter(true), undefined)
  breaker.leave(enter(false) as Pass, 'refused')
  assert.equal(breaker.state, 'half open')
  const stranger = enter(false) as Pass
  breaker.leave(known, 'doubted')
  assert.equal(breaker.state, 'open')
  breaker.leave(stranger, 'good')
  assert.equal(breaker.state, 'open', 'an earlier trial is no longer news')
})

test('a live session ends a burst at once', () => {
  const { breaker, enter, all } = setup()
  all(['doubted', 'doubted', 'doubted'])
  breaker.leave(enter(false) as Pass, 'good')
  assert.equal(breaker.state, 'closed')
})

test('a burst is held for a bounded time, and is not held again before Kratos knows somebody', () => {
  const { clock, breaker, enter, all } = setup()
  all(['doubted', 'doubted', 'doubted'])
  for (let i = 0; i < 14; i++) {
    breaker.leave(enter() as Pass, 'doubted')
    clock.pass(2_000)
  }
  assert.equal(breaker.state, 'half open')
  clock.pass(2_000)
  assert.equal(breaker.state, 'closed')
  all(['doubted', 'doubted', 'doubted', 'doubted'])
  assert.equal(breaker.state, 'closed')
  all(['good', 'doubted', 'doubted', 'doubted'])
  assert.equal(breaker.state, 'half open')
})
