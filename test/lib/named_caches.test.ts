import assert from 'node:assert/strict'
import test from 'node:test'
import { createCaches } from '../../src/lib/named_caches.ts'
import { millis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'

test('a name always gives the same cache, another name another one', async () => {
  const cache = createCaches({ clock: fakeClock(), entries: 10 })
  const question = { ask: async () => 1, keep: (value: number) => ({ value, ttl: millis(1000) }) }
  await cache<number, number>('a').ask('k', question).answer
  assert.equal(cache('a').get('k'), 1)
  assert.equal(cache('b').get('k'), undefined)
})
