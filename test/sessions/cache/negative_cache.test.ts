import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { createNegativeCache } from '../../../src/sessions/cache/negative_cache.ts'
import { fakeClock } from '../../support/clock.ts'

test('an entry expires after its ttl, and the number of entries is bounded', () => {
  const clock = fakeClock()
  const cache = createNegativeCache({ clock, ttl: millis(1_000), maxEntries: 2 })
  for (const key of ['a', 'b', 'c']) cache.add(key)
  assert.deepEqual(
    ['a', 'b', 'c'].map(key => cache.has(key)),
    [false, true, true],
  )
  clock.advance(1_000)
  assert.equal(cache.has('c'), false)
})
