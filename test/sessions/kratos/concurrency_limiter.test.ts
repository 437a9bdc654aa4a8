import assert from 'node:assert/strict'
import test from 'node:test'
import { createConcurrencyLimiter, type Release } from '../../../src/sessions/kratos/concurrency_limiter.ts'

const setup = (over = {}) =>
  createConcurrencyLimiter({ maxConcurrent: 4, reserved: 1, maxPending: 3, ...over })

test('a free slot is granted immediately', () => {
  const places = setup()
  assert.equal(typeof places.acquire(true), 'function')
  assert.equal(places.inFlight, 1)
})

test('reserved slots go to recently verified credentials only', async () => {
  const places = setup()
  for (let i = 0; i < 3; i++) void places.acquire(false)
  const late = places.acquire(false)
  assert.ok(late instanceof Promise)
  assert.equal(typeof places.acquire(true), 'function')
  assert.equal(places.inFlight, 4)
})

test('freed slots go to recently verified credentials first, then in order of arrival', async () => {
  const places = setup()
  const leaves = Array.from({ length: 3 }, () => places.acquire(false) as Release)
  leaves.push(places.acquire(true) as Release)
  const order: string[] = []
  for (const [name, known] of [
    ['first', false],
    ['second', false],
    ['known', true],
  ] as const) {
    void Promise.resolve(places.acquire(known)).then(() => order.push(name))
  }
  for (const leave of leaves.slice(0, 3)) leave()
  await new Promise(setImmediate)
  assert.deepEqual(order, ['known', 'first', 'second'])
  assert.equal(places.inFlight, 4)
  assert.equal(places.pending, 0)
})

test('a full queue rejects', async () => {
  const places = setup()
  for (let i = 0; i < 3; i++) void places.acquire(false)
  for (let i = 0; i < 3; i++) assert.ok(places.acquire(false) instanceof Promise)
  assert.equal(places.acquire(false), undefined)
  assert.equal(typeof places.acquire(true), 'function', 'a free place needs no line')
})

test('releasing a slot twice frees one slot', () => {
  const places = setup()
  const leave = places.acquire(true) as Release
  void places.acquire(true)
  leave()
  leave()
  assert.equal(places.inFlight, 1)
})

test('a single slot is not reserved', () => {
  const places = setup({ places: 1, reserved: 1 })
  assert.equal(typeof places.acquire(false), 'function')
})
