import assert from 'node:assert/strict'
import test from 'node:test'
import { createRejectionLimiter } from '../../src/resilience/rejection_limiter.ts'
import { fakeClock } from '../support/clock.ts'

test('rejections consume tokens, time refills them', () => {
  const clock = fakeClock()
  const limiter = createRejectionLimiter({ clock, burst: 10, perSecond: 2 })
  for (let i = 0; i < 10; i++) {
    assert.equal(limiter.allows(`10.0.0.${i}`), true)
    limiter.recordRejection(`10.0.0.${i}`)
  }
  assert.equal(limiter.allows('10.0.1.1'), false)
  clock.advance(500)
  assert.equal(limiter.allows('10.0.1.1'), true)
})

for (const [what, rejected, same, other] of [
  ['an address', '10.0.0.1', '10.0.0.1', '10.0.0.2'],
  ['a /64 of IPv6', '2001:db8::1', '2001:DB8:0:0:ffff:1:2:3', '2001:db8:0:1::1'],
  ['an IPv4 address in IPv6 form', '::ffff:10.0.0.1', '::ffff:10.0.0.1', '::ffff:10.0.0.2'],
] as const) {
  test(`once half of the tokens are used, ${what} that was rejected recently waits, and others do not`, () => {
    const clock = fakeClock()
    const limiter = createRejectionLimiter({ clock, burst: 10, perSecond: 0 })
    for (let i = 0; i < 4; i++) limiter.recordRejection(rejected)
    assert.equal(limiter.allows(same), true)
    limiter.recordRejection(rejected)
    assert.equal(limiter.allows(same), false)
    assert.equal(limiter.allows(other), true)
    clock.advance(10_000)
    assert.equal(limiter.allows(same), true, 'the rejection is no longer recent')
  })
}
