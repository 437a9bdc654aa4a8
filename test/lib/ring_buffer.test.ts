import assert from 'node:assert/strict'
import test from 'node:test'
import { createRingBuffer } from '../../src/lib/ring_buffer.ts'

test('the newest items stay, newest first', () => {
  const ring = createRingBuffer<number>(3)
  for (let i = 1; i <= 5; i++) ring.push(i)
  assert.deepEqual(
    ring.newest(10, () => true),
    [5, 4, 3],
  )
  assert.deepEqual(
    ring.newest(1, item => item < 5),
    [4],
  )
  assert.deepEqual(
    ring.newestWhile(item => item > 3),
    [5, 4],
  )
})

test('a buffer that is not full, and one without capacity', () => {
  const ring = createRingBuffer<number>(3)
  assert.deepEqual(
    ring.newest(10, () => true),
    [],
  )
  ring.push(1)
  ring.push(2)
  assert.deepEqual(
    ring.newest(10, () => true),
    [2, 1],
  )
  const none = createRingBuffer<number>(0)
  none.push(1)
  assert.deepEqual(
    none.newest(10, () => true),
    [],
  )
})
