import assert from 'node:assert/strict'
import test from 'node:test'
import { createConcurrencyLimiter, type Release } from '../../../src/sessions/kratos/concurrency_limiter.ts'

const setup = (over = {}) =>
  createConcurrencyLimiter({ maxConcurrent: 4, reserved: 1, maxPending: 3, ...over })

test('a free place is there at once', () => {
  const places = setup()
  assert.equal(typeof places.acquire(true), 'function')
  assert.equal(places.inFlight, 1)
})

test('unknown ones never take what is reserved for known ones', async () => {
  const places = setup()
  for (let i = 0; i < 3; i++) void places.acquire(false)
  const late = places.acquire(false)
  assert.ok(late instanceof Promise)
  assert.equal(typeof places.acquire(true), 'function')
  assert.equal(places.inFlight, 4)
})

test('who waits comes in when somebody leaves: known ones first, then in order', async () => {
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

test('beyond the line there is no place', async () => {
  const places = setup()
  for (let i = 0; i < 3; i++) void places.acquire(false)
  for (let i = 0; i < 3; i++) assert.ok(places.acquire(false) instanceof Promise)
  assert.equal(places.acquire(false), undefined)
  assert.equal(typeof places.acquire(true), 'function', 'a free place needs no line')
})

test('a place that is given back twice is one place', () => {
  const places = setup()
  const leave = places.acquire(true) as Release
  void places.acquire(true)
  leave()
  leave()
  assert.equal(places.inFlight, 1)
})

test('with one place only, unknown ones have it too', () => {
  const places = setup({ places: 1, reserved: 1 })
  assert.equal(typeof places.acquire(false), 'function')
})
