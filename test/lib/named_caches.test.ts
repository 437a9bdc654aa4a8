import assert from 'node:assert/strict'
import test from 'node:test'
import { createNamedCaches } from '../../src/lib/named_caches.ts'
import { millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'

test('equal names share a cache, other names do not', async () => {
  const cache = createNamedCaches({ clock: fakeClock(), maxEntries: 10, maxBytes: 1e6 })
  const request = { load: async () => 1, toEntry: (value: number) => ({ value, ttl: millis(1000) }) }
  await cache<number, number>('a').load('k', request).promise
  assert.equal(cache('a').get('k'), 1)
  assert.equal(cache('b').get('k'), undefined)
})
