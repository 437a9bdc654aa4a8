import assert from 'node:assert/strict'
import test from 'node:test'
import { createTokenBucket } from '../../src/lib/token_bucket.ts'
import { fakeClock } from '../support/clock.ts'

test('a bucket starts full, loses a token per call, and refills with time', () => {
  const clock = fakeClock()
  const bucket = createTokenBucket({ clock, capacity: 3, refillPerSecond: 2 })
  for (let i = 0; i < 3; i++) bucket.consume()
  assert.equal(bucket.available, 0)
  clock.advance(250)
  assert.equal(bucket.available, 0.5)
  clock.advance(60_000)
  assert.equal(bucket.available, 3)
})

test('tokens consumed beyond the last one are refilled first', () => {
  const clock = fakeClock()
  const bucket = createTokenBucket({ clock, capacity: 1, refillPerSecond: 1 })
  for (let i = 0; i < 3; i++) bucket.consume()
  assert.equal(bucket.available, -2)
  clock.advance(2_000)
  assert.equal(bucket.available, 0)
})

test('a bucket without refill gains added tokens only, up to its capacity', () => {
  const bucket = createTokenBucket({ clock: fakeClock(), capacity: 2, refillPerSecond: 0 })
  bucket.consume()
  bucket.consume()
  bucket.add(0.5)
  assert.equal(bucket.available, 0.5)
  bucket.add(100)
  assert.equal(bucket.available, 2)
})
