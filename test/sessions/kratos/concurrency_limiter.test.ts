import assert from 'node:assert/strict'
import test from 'node:test'
import { createPlaces, type Leave } from '../../../src/sessions/kratos/concurrency_limiter.ts'

const setup = (over = {}) => createPlaces({ places: 4, reserved: 1, waiting: 3, ...over })

test('a free place is there at once', () => {
  const places = setup()
  assert.equal(typeof places.take(true), 'function')
  assert.equal(places.taken, 1)
})

test('unknown ones never take what is reserved for known ones', async () => {
  const places = setup()
  for (let i = 0; i < 3; i++) void places.take(false)
  const late = places.take(false)
  assert.ok(late instanceof Promise)
  assert.equal(typeof places.take(true), 'function')
  assert.equal(places.taken, 4)
})

test('who waits comes in when somebody leaves: known ones first, then in order', async () => {
  const places = setup()
  const leaves = Array.from({ length: 3 }, () => places.take(false) as Leave)
  leaves.push(places.take(true) as Leave)
  const order: string[] = []
  for (const [name, known] of [
    ['first', false],
    ['second', false],
    ['known', true],
  ] as const) {
    void Promise.resolve(places.take(known)).then(() => order.push(name))
  }
  for (const leave of leaves.slice(0, 3)) leave()
  await new Promise(setImmediate)
  assert.deepEqual(order, ['known', 'first', 'second'])
  assert.equal(places.taken, 4)
  assert.equal(places.waiting, 0)
})

test('beyond the line there is no place', async () => {
  const places = setup()
  for (let i = 0; i < 3; i++) void places.take(false)
  for (let i = 0; i < 3; i++) assert.ok(places.take(false) instanceof Promise)
  assert.equal(places.take(false), undefined)
  assert.equal(typeof places.take(true), 'function', 'a free place needs no line')
})

test('a place that is given back twice is one place', () => {
  const places = setup()
  const leave = places.take(true) as Leave
  void places.take(true)
  leave()
  leave()
  assert.equal(places.taken, 1)
})

test('with one place only, unknown ones have it too', () => {
  const places = setup({ places: 1, reserved: 1 })
  assert.equal(typeof places.take(false), 'function')
})
