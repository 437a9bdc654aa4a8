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

/** Counts reloads and advances time. A `random` of 0.5 is no jitter. */
function createTestPoller(t: TestContext, random = () => 0.5) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let reloads = 0
  const poller = createReloadPoller(() => {
    reloads++
  }, random)
  return {
    poll: poller,
    reloads: () => reloads,
    pass: (seconds: number) => t.mock.timers.tick(seconds * 1_000),
  }
}

test('nothing is reloaded without an interval or without a remote repository', t => {
  const { poll, reloads, pass } = createTestPoller(t)
  poll.reschedule(pollState(0))
  pass(3_600)
  poll.reschedule(pollState(10, { remote: false }))
  pass(3_600)
  assert.equal(reloads(), 0)
})

test('the next reload is due one interval after the previous one has ended', t => {
  const { poll, reloads, pass } = createTestPoller(t)
  poll.reschedule(pollState(10))
  pass(9.9)
  assert.equal(reloads(), 0)
  pass(0.1)
  assert.equal(reloads(), 1)
  pass(3_600)
  assert.equal(reloads(), 1, 'the previous reload has not ended')
  poll.reschedule(pollState(10))
  pass(10)
  assert.equal(reloads(), 2)
})

test('a reload for another reason restarts the interval', t => {
  const { poll, reloads, pass } = createTestPoller(t)
  poll.reschedule(pollState(10))
  pass(9)
  poll.reschedule(pollState(10))
  pass(9)
  assert.equal(reloads(), 0)
  pass(1)
  assert.equal(reloads(), 1)
})

test('failures are retried with increasing delays, and a success resets them', t => {
  const { poll, reloads, pass } = createTestPoller(t)
  for (const wait of [5, 10, 20, 40, 60, 60]) {
    poll.reschedule(pollState(0, { failing: true }))
    const before = reloads()
    pass(wait - 0.1)
    assert.equal(reloads(), before, `not before ${wait} s`)
    pass(0.1)
    assert.equal(reloads(), before + 1)
  }
  poll.reschedule(pollState(30))
  pass(30)
  poll.reschedule(pollState(30, { failing: true }))
  pass(5)
  assert.equal(reloads(), 8)
})

test('each delay varies by up to 10 %', t => {
  const early = createTestPoller(t, () => 0)
  early.poll.reschedule(pollState(100))
  early.pass(90)
  assert.equal(early.reloads(), 1)
  t.mock.timers.reset()
  const late = createTestPoller(t, () => 1)
  late.poll.reschedule(pollState(100))
  late.pass(109.9)
  assert.equal(late.reloads(), 0)
  late.pass(0.1)
  assert.equal(late.reloads(), 1)
})

test('nothing is reloaded after close, even after a reload that was running', t => {
  const { poll, reloads, pass } = createTestPoller(t)
  poll.reschedule(pollState(10))
  poll.close()
  poll.reschedule(pollState(10))
  pass(3_600)
  assert.equal(reloads(), 0)
})
