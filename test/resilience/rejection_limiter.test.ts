import assert from 'node:assert/strict'
import test from 'node:test'
import { createRejectionLimiter } from '../../src/resilience/rejection_limiter.ts'
import { fakeClock } from '../support/clock.ts'

/** An address has a share of 10 rejections, a /24 one of 40. */
const LIMIT = { burst: 1_000, perSecond: 100 }

function setup(limit = LIMIT) {
  const clock = fakeClock()
  const limiter = createRejectionLimiter({ clock, ...limit })
  /** Rejections until the address is not allowed any more. */
  const flood = (addressFor: (i: number) => string): number => {
    let rejections = 0
    for (let i = 0; i < 2_000; i++) {
      if (!limiter.allows(addressFor(i))) continue
      limiter.recordRejection(addressFor(i))
      rejections++
    }
    return rejections
  }
  return { clock, limiter, flood }
}

test('rejections consume tokens, time refills them', () => {
  const { clock, limiter } = setup({ burst: 10, perSecond: 2 })
  for (let i = 0; i < 10; i++) {
    assert.equal(limiter.allows(`10.0.${i}.1`), true)
    limiter.recordRejection(`10.0.${i}.1`)
  }
  assert.equal(limiter.allows('10.1.1.1'), false)
  clock.advance(500)
  assert.equal(limiter.allows('10.1.1.1'), true)
})

for (const [what, flooding, same, other] of [
  ['an address', '10.0.0.1', '10.0.0.1', '10.1.0.2'],
  ['a /64 of IPv6', '2001:db8::1', '2001:DB8:0:0:ffff:1:2:3', '2001:db8:0:1::1'],
  ['an IPv4 address in IPv6 form', '::ffff:10.0.0.1', '10.0.0.1', '::ffff:10.1.0.2'],
] as const) {
  test(`once half of the tokens are used, ${what} that used its share waits, and others do not`, () => {
    const { limiter, flood } = setup()
    assert.equal(
      flood(() => flooding),
      500,
    )
    assert.equal(limiter.allows(same), false)
    assert.equal(limiter.allows(other), true)
  })
}

test('S2-16: an address with a few rejections is allowed while another network floods', () => {
  const { limiter, flood } = setup()
  flood(() => '10.0.0.1')
  for (let i = 0; i < 9; i++) {
    limiter.recordRejection('10.1.0.1')
    assert.equal(limiter.allows('10.1.0.1'), true)
  }
  limiter.recordRejection('10.1.0.1')
  assert.equal(limiter.allows('10.1.0.1'), false)
})

test('many addresses of one network have one share in common', () => {
  const { limiter, flood } = setup()
  assert.equal(
    flood(i => `10.0.0.${i % 256}`),
    500,
  )
  assert.equal(limiter.allows('10.0.0.77'), false)
  assert.equal(limiter.allows('10.0.1.77'), true)
})

test('many /64 of one /48 have one share in common', () => {
  const { limiter, flood } = setup()
  assert.equal(
    flood(i => `2001:db8:0:${i.toString(16)}::1`),
    500,
  )
  assert.equal(limiter.allows('2001:db8:0:ffff::1'), false)
  assert.equal(limiter.allows('2001:db8:1:1::1'), true)
})

test('the neighbors of a flooding address wait for a moment only', () => {
  const { clock, limiter, flood } = setup()
  flood(() => '10.0.0.1')
  for (let i = 0; i < 50; i++) {
    clock.advance(100)
    flood(() => '10.0.0.1')
  }
  assert.equal(limiter.allows('10.0.0.1'), false)
  assert.equal(limiter.allows('10.0.0.2'), true)
})
