import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { createNegativeCache } from '../../../src/sessions/cache/negative_cache.ts'
import { createRejectionLimiter } from '../../../src/sessions/kratos/rejection_limiter.ts'
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

test('rejections consume tokens, time refills them', () => {
  const clock = fakeClock()
  const budget = createRejectionLimiter({ clock, burst: 10, perSecond: 2 })
  for (let i = 0; i < 10; i++) {
    assert.equal(budget.allows(`10.0.0.${i}`), true)
    budget.recordRejection(`10.0.0.${i}`)
  }
  assert.equal(budget.allows('10.0.1.1'), false)
  clock.advance(500)
  assert.equal(budget.allows('10.0.1.1'), true)
})

for (const [what, bad, same, other] of [
  ['an address', '10.0.0.1', '10.0.0.1', '10.0.0.2'],
  ['a /64 of IPv6', '2001:db8::1', '2001:DB8:0:0:ffff:1:2:3', '2001:db8:0:1::1'],
  ['an IPv4 address in IPv6 form', '::ffff:10.0.0.1', '::ffff:10.0.0.1', '::ffff:10.0.0.2'],
] as const) {
  test(`once half of the tokens are used, ${what} that was rejected recently waits, and others do not`, () => {
    const clock = fakeClock()
    const budget = createRejectionLimiter({ clock, burst: 10, perSecond: 0 })
    for (let i = 0; i < 4; i++) budget.recordRejection(bad)
    assert.equal(budget.allows(same), true)
    budget.recordRejection(bad)
    assert.equal(budget.allows(same), false)
    assert.equal(budget.allows(other), true)
    clock.advance(10_000)
    assert.equal(budget.allows(same), true, 'that was long ago')
  })
}
