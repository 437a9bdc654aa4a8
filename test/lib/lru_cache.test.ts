import assert from 'node:assert/strict'
import test from 'node:test'
import { createLruCache } from '../../src/lib/lru_cache.ts'
import { millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'

function setup(maxEntries = 2) {
  const clock = fakeClock()
  const events: string[] = []
  const cache = createLruCache<string>({
    clock,
    maxEntries,
    onInsert: (key, value) => void events.push(`+${key}=${value}`),
    onRemove: (key, value) => void events.push(`-${key}=${value}`),
  })
  return { clock, cache, events }
}

test('an entry expires when its ttl is over, to the millisecond', () => {
  const { clock, cache } = setup()
  cache.set('k', 'v', millis(1000))
  clock.advance(999)
  assert.equal(cache.get('k'), 'v')
  clock.advance(1)
  assert.equal(cache.get('k'), undefined)
  assert.equal(cache.size, 0)
})

test('reading an entry does not prolong its life', () => {
  const { clock, cache } = setup()
  cache.set('k', 'v', millis(1000))
  clock.advance(600)
  cache.get('k')
  clock.advance(600)
  assert.equal(cache.get('k'), undefined)
})

test('storing an entry again starts its ttl anew', () => {
  const { clock, cache } = setup()
  cache.set('k', 'v', millis(1000))
  clock.advance(600)
  cache.set('k', 'v', millis(1000))
  clock.advance(600)
  assert.equal(cache.get('k'), 'v')
})

test('a ttl of 0 or less stores nothing and leaves an existing entry', () => {
  const { cache } = setup()
  cache.set('k', 'v', millis(1000))
  for (const ttl of [0, -5]) {
    cache.set('k', 'w', millis(ttl))
    cache.set('new', 'w', millis(ttl))
  }
  assert.deepEqual([cache.get('k'), cache.get('new')], ['v', undefined])
})

test('a ttl shorter than a nanosecond still ends', () => {
  const { clock, cache } = setup()
  cache.set('k', 'v', millis(1e-9))
  clock.advance(1)
  assert.equal(cache.get('k'), undefined)
})

test('a full cache evicts the least recently used entry', () => {
  const { cache } = setup()
  cache.set('a', '1', millis(1000))
  cache.set('b', '2', millis(1000))
  cache.get('a')
  cache.set('c', '3', millis(1000))
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], ['1', undefined, '3'])
})

test('every value that is stored is reported, and every one that leaves, in this order', () => {
  const { clock, cache, events } = setup()
  cache.set('a', '1', millis(1000))
  cache.set('a', '2', millis(1000))
  cache.set('a', '2', millis(1000))
  cache.set('b', '3', millis(5000))
  cache.set('c', '4', millis(5000))
  cache.delete('b')
  clock.advance(5000)
  cache.get('c')
  cache.set('d', '5', millis(1000))
  cache.clear()
  assert.deepEqual(events, ['+a=1', '-a=1', '+a=2', '+b=3', '-a=2', '+c=4', '-b=3', '-c=4', '+d=5', '-d=5'])
})

test('evicts the least recently used entries when all values together are too large', () => {
  const clock = fakeClock()
  const removed: string[] = []
  const cache = createLruCache<string>({
    clock,
    maxEntries: 100,
    memory: { maxBytes: 10_000, sizeOf: value => value.length },
    onRemove: key => void removed.push(key),
  })
  for (const key of ['a', 'b', 'c', 'd']) cache.set(key, 'x'.repeat(3_000), millis(1000))
  assert.deepEqual(removed, ['a'])
  cache.set('b', 'x'.repeat(20_000), millis(1000))
  assert.deepEqual(
    [cache.get('b'), cache.size],
    [undefined, 2],
    'too large alone: no entry, and none of before',
  )
})
