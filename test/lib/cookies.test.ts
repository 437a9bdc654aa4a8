import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type Cookie, cookieValues, parseCookies } from '../../src/lib/cookies.ts'

/** What Go's `Request.Cookies` makes of it (C3). */
const TABLE: readonly (readonly [line: string, cookies: readonly Cookie[]])[] = [
  ['', []],
  ['a=1', [['a', '1', false]]],
  ['a', [['a', '', false]]],
  ['=x', []],
  [
    'a=1;;b=2; ',
    [
      ['a', '1', false],
      ['b', '2', false],
    ],
  ],
  ['\t a = b \t', [['a', ' b', false]]],
  ['a=b,c', [['a', 'b,c', false]]],
  ['a=1, b=2', [['a', '1, b=2', false]]],
  ['a=b=c', [['a', 'b=c', false]]],
  [
    'A=1; a=2',
    [
      ['A', '1', false],
      ['a', '2', false],
    ],
  ],
  ['a="b c"', [['a', 'b c', true]]],
  ['a=""', [['a', '', true]]],
  ['a="', []],
  ['a="b', []],
  ['a=b"c', []],
  ['a=b\\c', []],
  ['a=\u00e9', []],
  ['a=b\u00a0', []],
  ['a b=1', []],
  ['"a"=1', []],
  ['__Host-a=1', [['__Host-a', '1', false]]],
]
for (const [line, cookies] of TABLE) {
  test(`the line ${JSON.stringify(line)}`, () => assert.deepEqual(parseCookies([line]), cookies))
}

test('lines are read in order, and after a thousand cookies no more (D12)', () => {
  assert.deepEqual(
    parseCookies(['b=1', 'a=2; b=3']).map(([name]) => name),
    ['b', 'a', 'b'],
  )
  assert.equal(
    parseCookies([Array.from({ length: 2_000 }, (_, i) => `c${i}=1`).join(';'), 'd=1']).length,
    1_000,
  )
})

test('the values of one name are those that reading all cookies finds', () => {
  const pieces = fc.array(
    fc.constantFrom('a', 'ab', 'b', '=', ';', ' ', '\t', '\u00a0', '"', '1', ',', '; a=1'),
    {
      maxLength: 30,
    },
  )
  const line = pieces.map(parts => parts.join(''))
  const names = fc.constantFrom('a', 'ab', 'b', '', ' a', '1')
  fc.assert(
    fc.property(fc.array(line, { maxLength: 3 }), names, (lines, name) => {
      const all = parseCookies(lines).filter(cookie => cookie[0] === name)
      assert.deepEqual(
        cookieValues(lines, name),
        all.map(cookie => cookie[1]),
      )
    }),
    { numRuns: 2_000 },
  )
})

test('beyond a thousand cookies the same ones count for both', () => {
  for (const before of [998, 999, 1_000, 1_001]) {
    const lines = [`${'x=y; '.repeat(before)}a=1; a=2`, `${'bad cookie;'.repeat(5)}a=3`]
    assert.deepEqual(
      cookieValues(lines, 'a'),
      parseCookies(lines).flatMap(cookie => (cookie[0] === 'a' ? [cookie[1]] : [])),
    )
  }
})
