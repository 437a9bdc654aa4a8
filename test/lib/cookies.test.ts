import assert from 'node:assert/strict'
import test from 'node:test'
import { type Cookie, parseCookies } from '../../src/lib/cookies.ts'

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
