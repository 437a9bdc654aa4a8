import assert from 'node:assert/strict'
import test from 'node:test'
import { millis, millisBetween, parseDuration, plusMillis } from '../../src/lib/time.ts'
import { parseTimestamp } from '../../src/lib/timestamp.ts'
import { fakeClock } from '../support/clock.ts'

for (const [text, expected] of [
  ['500ms', 500],
  ['15m', 900_000],
  ['2h', 7_200_000],
  ['1s', 1_000],
  ['3us', 0.003],
  ['0s', 0],
  ['1.5s', undefined],
  ['1m30s', undefined],
  ['-1s', undefined],
  ['1', undefined],
  ['', undefined],
] as const) {
  test(`the duration ${JSON.stringify(text)} is ${expected} ms`, () => {
    assert.equal(parseDuration(text), expected)
  })
}

test('adding milliseconds and taking the difference are inverse', () => {
  const now = fakeClock().now()
  assert.equal(millisBetween(now, plusMillis(now, millis(1_500))), 1_500)
  assert.equal(millisBetween(plusMillis(now, millis(1_500)), now), -1_500)
})

for (const [text, expected] of [
  ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
  ['2026-01-02T03:04:05.123456789Z', Date.UTC(2026, 0, 2, 3, 4, 5, 123)],
  ['2026-01-02T03:04:05.5+01:00', Date.UTC(2026, 0, 2, 2, 4, 5, 500)],
  ['2026-13-02T03:04:05Z', undefined],
  ['2026-01-02', undefined],
  ['2026-01-02 03:04:05Z', undefined],
  ['2026-01-02T03:04:05', undefined],
] as const) {
  test(`the timestamp ${text} is ${expected}`, () => assert.equal(parseTimestamp(text), expected))
}
