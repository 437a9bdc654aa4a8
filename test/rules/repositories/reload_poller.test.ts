import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { createReloadPoller, type PollState } from '../../../src/rules/repositories/reload_poller.ts'

const pollState = (seconds: number, more: Partial<PollState> = {}): PollState => ({
  interval: millis(seconds * 1_000),
  remote: true,
  failing: false,
  ...more,
})

/** Readings so far, and time that passes when told. `random` of a half is no jitter. */
function createTestPoller(t: TestContext, random = () => 0.5) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let readings = 0
  const poller = createReloadPoller(() => {
    readings++
  }, random)
  return {
    poll: poller,
    readings: () => readings,
    pass: (seconds: number) => t.mock.timers.tick(seconds * 1_000),
  }
}

test('without an interval nothing is read again, nor where there is nothing remote', t => {
  const { poll, readings, pass } = createTestPoller(t)
  poll.reschedule(pollState(0))
  pass(3_600)
  poll.reschedule(pollState(10, { remote: false }))
  pass(3_600)
  assert.equal(readings(), 0)
})

test('the next reading is due an interval after the one before has ended, and never before', t => {
  const { poll, readings, pass } = createTestPoller(t)
  poll.reschedule(pollState(10))
  pass(9.9)
  assert.equal(readings(), 0)
  pass(0.1)
  assert.equal(readings(), 1)
  pass(3_600)
  assert.equal(readings(), 1, 'that one has not ended')
  poll.reschedule(pollState(10))
  pass(10)
  assert.equal(readings(), 2)
})

test('a reading for another reason puts the beat off', t => {
  const { poll, readings, pass } = createTestPoller(t)
  poll.reschedule(pollState(10))
  pass(9)
  poll.reschedule(pollState(10))
  pass(9)
  assert.equal(readings(), 0)
  pass(1)
  assert.equal(readings(), 1)
})

test('after failures it is tried soon, then more rarely, and after a success as before', t => {
  const { poll, readings, pass } = createTestPoller(t)
  for (const wait of [5, 10, 20, 40, 60, 60]) {
    poll.reschedule(pollState(0, { failing: true }))
    const before = readings()
    pass(wait - 0.1)
    assert.equal(readings(), before, `not before ${wait} s`)
    pass(0.1)
    assert.equal(readings(), before + 1)
  }
  poll.reschedule(pollState(30))
  pass(30)
  poll.reschedule(pollState(30, { failing: true }))
  pass(5)
  assert.equal(readings(), 8)
})

test('replicas do not ask all at once: the delay is up to a tenth longer or shorter', t => {
  const early = createTestPoller(t, () => 0)
  early.poll.reschedule(pollState(100))
  early.pass(90)
  assert.equal(early.readings(), 1)
  t.mock.timers.reset()
  const late = createTestPoller(t, () => 1)
  late.poll.reschedule(pollState(100))
  late.pass(109.9)
  assert.equal(late.readings(), 0)
  late.pass(0.1)
  assert.equal(late.readings(), 1)
})

test('once it is closed nothing is read, not even after a reading that was under way', t => {
  const { poll, readings, pass } = createTestPoller(t)
  poll.reschedule(pollState(10))
  poll.close()
  poll.reschedule(pollState(10))
  pass(3_600)
  assert.equal(readings(), 0)
})
