import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type Cookie, cookieValues, parseCookies } from '../../src/http/cookies.ts'

/** Results of Go's `Request.Cookies`. */
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

test('lines are parsed in order, up to a thousand cookies (D12)', () => {
  assert.deepEqual(
    parseCookies(['b=1', 'a=2; b=3']).map(([name]) => name),
    ['b', 'a', 'b'],
  )
  assert.equal(
    parseCookies([Array.from({ length: 2_000 }, (_, i) => `c${i}=1`).join(';'), 'd=1']).length,
    1_000,
  )
})

const NAME = 'ory_kratos_session'
const others = [
  'ory_kratos_session_x=a',
  'xory_kratos_session=a',
  'ORY_KRATOS_SESSION=a',
  '"ory_kratos_session"=a',
]
for (const line of [...others, 'a=1,ory_kratos_session=b', '\u00a0ory_kratos_session=a']) {
  test(`${JSON.stringify(line)} has no session cookie (C3, J11)`, () => {
    assert.deepEqual(
      parseCookies([line]).filter(([name]) => name === NAME),
      [],
    )
  })
}

test('parsing never throws, and every cookie is in a line', () => {
  const pieces = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('; ', '=', '"', `${NAME}=`, ','))
  const lines = fc.array(
    fc.array(pieces, { maxLength: 10 }).map(parts => parts.join('')),
    { maxLength: 3 },
  )
  fc.assert(
    fc.property(lines, all => {
      for (const [name, value] of parseCookies(all)) {
        assert.ok(all.some(line => line.includes(name) && line.includes(value)))
      }
    }),
    { numRuns: 2_000 },
  )
})

test('valid cookies are parsed as they were written', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,10}$/)
  const value = fc.stringMatching(/^[A-Za-z0-9_=|.+/-]{0,20}$/)
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), cookies => {
      const line = cookies.map(([key, text]) => `${key}=${text}`).join('; ')
      assert.deepEqual(
        parseCookies([line]).map(([key, text]) => [key, text]),
        cookies,
      )
    }),
  )
})

test('the values of one name are those that parsing all cookies finds', () => {
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

test('both functions ignore the same cookies beyond a thousand', () => {
  for (const before of [998, 999, 1_000, 1_001]) {
    const lines = [`${'x=y; '.repeat(before)}a=1; a=2`, `${'bad cookie;'.repeat(5)}a=3`]
    assert.deepEqual(
      cookieValues(lines, 'a'),
      parseCookies(lines).flatMap(cookie => (cookie[0] === 'a' ? [cookie[1]] : [])),
    )
  }
})
