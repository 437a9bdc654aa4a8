import assert from 'node:assert/strict'
import test from 'node:test'
import { createSingleFlightCache, type LoadRequest } from '../../src/lib/single_flight_cache.ts'
import { type Instant, millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'

function setup(entries = 10) {
  const clock = fakeClock()
  const cache = createSingleFlightCache<string, string>({ clock, maxEntries: entries })
  return { clock, cache }
}

/** A load that ends when the test says so. */
function pending(ttl = 1000, fresh = false) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const request: LoadRequest<string, string> & { loads: number } = {
    loads: 0,
    fresh,
    load() {
      request.loads++
      return promise
    },
    toEntry: value => ({ value, ttl: millis(ttl) }),
  }
  return { request, resolve, reject }
}
const loadOf = (value: string, ttl = 1000): LoadRequest<string, string> => ({
  load: async () => value,
  toEntry: kept => ({ value: kept, ttl: millis(ttl) }),
})

test('an entry lives for its ttl, to the millisecond', async () => {
  const { clock, cache } = setup()
  await cache.load('k', loadOf('v', 1000)).promise
  clock.advance(999)
  assert.equal(cache.get('k'), 'v')
  clock.advance(1)
  assert.equal(cache.get('k'), undefined)
  assert.equal(cache.size, 0)
})

test('an entry without a ttl is not stored', async () => {
  for (const ttl of [0, -5]) {
    const { cache } = setup()
    assert.equal(await cache.load('k', loadOf('v', ttl)).promise, 'v')
    assert.equal(cache.get('k'), undefined)
  }
})

test('a full cache evicts the least recently used entry', async () => {
  const { cache } = setup(2)
  await cache.load('a', loadOf('1')).promise
  await cache.load('b', loadOf('2')).promise
  cache.get('a')
  await cache.load('c', loadOf('3')).promise
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], ['1', undefined, '3'])
})

test('a thousand concurrent callers share one load, and each learns that it is shared', async () => {
  const { cache } = setup()
  const { request, resolve } = pending()
  const loads = Array.from({ length: 1000 }, () => cache.load('k', request))
  resolve('v')
  assert.deepEqual(new Set(await Promise.all(loads.map(load => load.promise))), new Set(['v']))
  assert.equal(request.loads, 1)
  assert.deepEqual(
    loads.map(load => load.shared),
    [false, ...Array.from({ length: 999 }, () => true)],
  )
  assert.equal(cache.inFlight, 0)
})

test('an error reaches all waiters and is not cached', async () => {
  const { cache } = setup()
  const failing = pending()
  const loads = [cache.load('k', failing.request), cache.load('k', failing.request)]
  failing.reject(new Error('no'))
  for (const { promise } of loads) await assert.rejects(promise, /no/)
  assert.equal(cache.inFlight, 0)
  assert.equal(await cache.load('k', loadOf('v')).promise, 'v')
})

test('a load that throws synchronously is not left in flight', async () => {
  const { cache } = setup()
  const request: LoadRequest<string, string> = {
    load: () => {
      throw new Error('no')
    },
    toEntry: () => undefined,
  }
  await assert.rejects(cache.load('k', request).promise, /no/)
  assert.equal(cache.inFlight, 0)
})

for (const what of ['evict', 'clear'] as const) {
  test(`a load in flight at ${what} reaches its waiters but not the cache, and the next caller loads again (C24)`, async () => {
    const { cache } = setup()
    const old = pending()
    const before = cache.load('k', old.request)
    cache[what]('k')
    const next = pending()
    const after = cache.load('k', next.request)
    assert.equal(after.shared, false)
    old.resolve('old')
    assert.equal(await before.promise, 'old')
    assert.equal(cache.get('k'), undefined)
    next.resolve('new')
    assert.equal(await after.promise, 'new')
    assert.equal(cache.get('k'), 'new')
  })
}

test('evicting a key leaves the others', async () => {
  const { cache } = setup()
  await cache.load('a', loadOf('1')).promise
  await cache.load('b', loadOf('2')).promise
  cache.evict('a')
  assert.deepEqual([cache.get('a'), cache.get('b')], [undefined, '2'])
})

test('a fresh load does not join one that started before it, and only the fresh result is cached', async () => {
  const { cache } = setup()
  const old = pending()
  const fresh = pending(1000, true)
  const first = cache.load('k', old.request)
  const second = cache.load('k', fresh.request)
  const third = cache.load('k', fresh.request)
  const fourth = cache.load('k', old.request)
  assert.deepEqual([second.shared, third.shared, fourth.shared], [false, true, true])
  fresh.resolve('fresh')
  assert.equal(await fourth.promise, 'fresh')
  old.resolve('old')
  assert.equal(await first.promise, 'old')
  assert.equal(cache.get('k'), 'fresh')
})

test('a load may leave the existing entry or evict it', async () => {
  const { cache } = setup()
  await cache.load('k', loadOf('v')).promise
  await cache.load('k', { load: async () => 'x', toEntry: () => undefined }).promise
  assert.equal(cache.get('k'), 'v')
  await cache.load('k', { load: async () => 'x', toEntry: () => 'evict' }).promise
  assert.equal(cache.get('k'), undefined)
})

test('a load is wanted until the latest deadline of its callers', async () => {
  const { cache } = setup()
  const { request, resolve } = pending()
  let wantedUntil: () => Instant = () => assert.fail('not loaded')
  const load = (until: () => Instant) => {
    wantedUntil = until
    return request.load(until)
  }
  const at = (deadline: number) => ({ ...request, load, waiter: { deadline: deadline as Instant } })
  const { promise } = cache.load('k', at(100))
  assert.equal(wantedUntil(), 100)
  cache.load('k', at(300))
  cache.load('k', at(200))
  assert.equal(wantedUntil(), 300)
  const leaving = { deadline: 500 as Instant }
  cache.load('k', { ...request, load, waiter: leaving })
  assert.equal(wantedUntil(), 500)
  leaving.deadline = Number.NEGATIVE_INFINITY as Instant
  assert.equal(wantedUntil(), 300, 'a caller has left')
  cache.load('k', { ...request, load })
  assert.equal(wantedUntil(), Number.POSITIVE_INFINITY)
  resolve('v')
  await promise
})
