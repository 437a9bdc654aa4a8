import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { millis, type WallTime } from '../../../src/lib/time.ts'
import { freshnessLifetime, parseCacheFor } from '../../../src/sessions/cache/freshness.ts'

const NOW = Date.UTC(2026, 10, 22) as WallTime
const at = (ms: number) => (NOW + ms) as WallTime
const life = (ceiling: number, rest: number, cacheFor: string[] = [], random = 0): number =>
  freshnessLifetime({ maxAge: millis(ceiling), expiresAt: at(rest), cacheFor }, NOW, random)

test('the smallest bound applies', () => {
  assert.equal(life(60_000, 3_600_000), 60_000)
  assert.equal(life(60_000, 12_000), 10_000, 'less the assumed clock skew')
  assert.equal(life(60_000, 3_600_000, ['5']), 5_000)
  assert.equal(life(60_000, 3_600_000, ['3533']), 60_000, 'the header never lengthens')
  assert.equal(life(60_000, 1_000), 0)
  assert.equal(life(60_000, -1), 0)
})

for (const [header, ms] of [
  ['0', 0],
  ['60', 60_000],
  ['0060', 60_000],
  ['1h2m3.5s', 3_723_500],
  ['.5s', 500],
  ['1.s', 1000],
  ['150ms', 150],
  ['99999h', 359_996_400_000],
  ['999999999999999999', 1e21],
  ['', undefined],
  ['-5', undefined],
  ['-5s', undefined],
  ['+5', undefined],
  ['1d', undefined],
  ['1.5', undefined],
  ['5s, 10y', undefined],
  ['60, 60', undefined],
  ['5 s', undefined],
  [' 5', undefined],
  ['1e3', undefined],
  ['0x10', undefined],
  ['s', undefined],
  ['.s', undefined],
  ['Infinity', undefined],
  ['9'.repeat(400), undefined],
] as const) {
  test(`Ory-Session-Cache-For ${JSON.stringify(header.slice(0, 30))} is ${ms ?? 'unreadable and allows no caching'} (C23)`, () => {
    assert.equal(parseCacheFor(header), ms)
    if (ms === undefined) assert.equal(life(60_000, 3_600_000, [header]), 0)
  })
}

test('a repeated header allows no caching', () => {
  assert.equal(life(60_000, 3_600_000, ['60', '60']), 0)
})

test('no lifetime exceeds any bound, and none is negative', () => {
  const cacheFor = fc.oneof(
    fc.constant<string[]>([]),
    fc.nat({ max: 100_000 }).map(n => [String(n)]),
    fc.tuple(fc.nat(), fc.constantFrom('ns', 'us', 'ms', 's', 'm', 'h')).map(([n, unit]) => [n + unit]),
    fc.array(fc.string(), { maxLength: 2 }),
  )
  fc.assert(
    fc.property(
      fc.nat({ max: 1e9 }),
      fc.integer({ min: -1e9, max: 1e9 }),
      cacheFor,
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (ceiling, rest, header, random) => {
        const ttl = life(ceiling, rest, header, random)
        assert.ok(ttl >= 0)
        assert.ok(ttl <= ceiling)
        assert.ok(ttl <= Math.max(0, rest))
        if (header.length === 1) assert.ok(ttl <= (parseCacheFor(header[0] as string) ?? 0))
        assert.ok(ttl >= 0.9 * life(ceiling, rest, header) - 1e-6, 'the jitter is a tenth at most')
      },
    ),
  )
})
