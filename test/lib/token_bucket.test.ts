import assert from 'node:assert/strict'
import test from 'node:test'
import { createBucket } from '../../src/lib/token_bucket.ts'
import { fakeClock } from '../support/clock.ts'

test('a bucket starts full, is emptied token by token, and fills up with time', () => {
  const clock = fakeClock()
  const bucket = createBucket({ clock, capacity: 3, perSecond: 2 })
  for (let i = 0; i < 3; i++) bucket.spend()
  assert.equal(bucket.left, 0)
  clock.pass(250)
  assert.equal(bucket.left, 0.5)
  clock.pass(60_000)
  assert.equal(bucket.left, 3)
})

test('what was spent beyond the last token has to come back first', () => {
  const clock = fakeClock()
  const bucket = createBucket({ clock, capacity: 1, perSecond: 1 })
  for (let i = 0; i < 3; i++) bucket.spend()
  assert.equal(bucket.left, -2)
  clock.pass(2_000)
  assert.equal(bucket.left, 0)
})

test('a bucket that time does not fill is filled by what is earned, to its brim', () => {
  const bucket = createBucket({ clock: fakeClock(), capacity: 2, perSecond: 0 })
  bucket.spend()
  bucket.spend()
  bucket.add(0.5)
  assert.equal(bucket.left, 0.5)
  bucket.add(100)
  assert.equal(bucket.left, 2)
})
