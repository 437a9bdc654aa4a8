import assert from 'node:assert/strict'
import test from 'node:test'
import { createConcurrencyLimiter, type Release } from '../../src/resilience/concurrency_limiter.ts'

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

test('networks take turns in the queue', async () => {
  const places = setup({ maxConcurrent: 1, reserved: 0, maxPending: 10 })
  let release = places.acquire(false) as Release
  const order: string[] = []
  const enter = (network: string) =>
    void Promise.resolve(places.acquire(false, { network })).then(slot => {
      order.push(network)
      release = slot as Release
    })
  for (const network of ['flood', 'flood', 'flood', 'a', 'b']) enter(network)
  for (let i = 0; i < 5; i++) {
    release()
    await new Promise(setImmediate)
  }
  assert.deepEqual(order, ['flood', 'a', 'b', 'flood', 'flood'])
})

test('a call that nobody waits for any more gets no slot, and none in the queue', async () => {
  const places = setup({ maxConcurrent: 1, reserved: 0, maxPending: 2 })
  const release = places.acquire(false) as Release
  let wanted = true
  const gone = [0, 1].map(() => places.acquire(false, { isWanted: () => wanted }))
  wanted = false
  const late = places.acquire(false)
  assert.deepEqual(await Promise.all(gone), [undefined, undefined], 'dropped to free the queue')
  release()
  assert.equal(typeof (await late), 'function')
})

test('a full queue drops the newest call of the network that has most of it', async () => {
  const places = setup({ maxConcurrent: 1, reserved: 0, maxPending: 3 })
  const release = places.acquire(false) as Release
  const flood = [0, 1, 2].map(() => places.acquire(false, { network: 'flood' }))
  assert.equal(places.acquire(false, { network: 'flood' }), undefined)
  const other = places.acquire(false, { network: 'a' })
  assert.equal(await flood[2], undefined)
  assert.equal(places.pending, 3)
  release()
  ;((await flood[0]) as Release)()
  assert.equal(typeof (await other), 'function')
})

test('a full queue of unknown credentials from many networks drops no recently verified one', async () => {
  const limiter = createConcurrencyLimiter({ maxConcurrent: 2, reserved: 1, maxPending: 3 })
  const release = await limiter.acquire(true)
  void limiter.acquire(true)
  const others = [1, 2, 3].map(i => limiter.acquire(false, { network: `n${i}` }))
  const known = limiter.acquire(true, { network: 'good' })
  assert.notEqual(known, undefined)
  assert.equal(limiter.pending, 3)
  assert.equal(await others[0], undefined)
  release?.()
  assert.equal(typeof (await known), 'function')
})
