import assert from 'node:assert/strict'
import test from 'node:test'
import { type Activity, createRecentActivity } from '../../src/telemetry/recent_activity.ts'
import { decisionRecord } from './decision_record.ts'

const denial = decisionRecord()
const allow = decisionRecord({ decision: 'allow', status: 200, code: 'ok' })
const open = (maxDenials = 3, maxAllows = 2) =>
  createRecentActivity({ maxDenials, maxAllows, wall: () => 1_000 })
const sequences = (activity: readonly Activity[]) => activity.map(one => one.sequence)

test('denials, allows and events have one order, and each replaces the oldest of its own kind', () => {
  const recent = open()
  for (let i = 0; i < 4; i++) recent.addDecision(denial, 0)
  for (let i = 0; i < 3; i++) recent.addDecision(allow, i * 10)
  recent.addEvent('info', { event: 'ready' })
  const all = () => true
  assert.deepEqual(sequences(recent.before(Number.POSITIVE_INFINITY, 10, all)), [8, 7, 6, 4, 3, 2])
  assert.deepEqual(sequences(recent.before(7, 2, all)), [6, 4])
  assert.equal(recent.lastSequence, 8)
})

test('a reader continues where it stopped, and learns how much it missed', () => {
  const recent = open()
  for (let i = 0; i < 5; i++) recent.addDecision(denial, 0)
  const first = recent.after(0, 2)
  assert.deepEqual([sequences(first.activity), first.lost], [[3, 4], 2])
  const second = recent.after(4, 2)
  assert.deepEqual([sequences(second.activity), second.lost], [[5], 0])
  assert.deepEqual(recent.after(5, 2), { activity: [], lost: 0 })
})

test('while nobody follows, one allow is stored every 10 ms; a follower gets all', () => {
  const recent = open(3, 100)
  for (let ms = 0; ms < 20; ms++) recent.addDecision(allow, ms)
  assert.equal(recent.lastSequence, 2)
  const unfollow = recent.follow()
  for (let ms = 20; ms < 30; ms++) recent.addDecision(allow, ms)
  assert.equal(recent.lastSequence, 12)
  unfollow()
  unfollow()
  for (let ms = 100; ms < 109; ms++) recent.addDecision(allow, ms)
  assert.equal(recent.lastSequence, 13)
})

test('a long text is cut, and other characters survive the copy', () => {
  const recent = open()
  recent.addDecision({ ...denial, path: `/${'x'.repeat(600)}`, subject: 'ä€😀 and more than 13' }, 0)
  const [stored] = recent.before(Number.POSITIVE_INFINITY, 1, () => true)
  assert.ok(stored?.kind === 'decision')
  assert.equal(stored.record.path.length, 500)
  assert.equal(stored.record.subject, 'ä€😀 and more than 13')
})
