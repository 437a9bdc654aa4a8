/** Patterns of exponential cost are rejected and those of polynomial cost reported; test/security measures the time. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findLiteralPrefixes } from '../../../src/rules/patterns/literal_prefixes.ts'
import { matchingCost } from '../../../src/rules/patterns/matching_cost.ts'
import { compilePattern } from '../../../src/rules/patterns/pattern.ts'
import { translateFragment } from '../../../src/rules/patterns/regexp.ts'
import { type Part, splitAtDelimiters } from '../../../src/rules/patterns/syntax.ts'

const EXPONENTIAL = [
  '(a+)+',
  '(a*)*',
  '(a|a)*b',
  '(?:a|b|ab)*c',
  '(?:/a|/.)*x',
  '(?:[a-z]+-?)*',
  '(?:/[^/]+|/[a-z]+)*',
  '([a-z]+/?){1,20}',
  '(?:a*b*)*',
  '(?:(?:ab)+)+',
  '(?i)(?:a|A)+',
  '(?:\\w|é)+!',
  '(?=(a+)+b).*',
]
const HARMLESS = [
  '(?:[a-z]+-)*',
  '(?:a|b)+',
  '(?:/[^/]+)*',
  '([0-9]{1,3}\\.){3}[0-9]{1,3}',
  '(?:ab|cd)*',
  '(?:/[a-z]+|/[0-9]+)*',
  '[0-9a-f]{8}(-[0-9a-f]{4}){3}',
  '(|/.*)',
]

function degree(text: string): number {
  const parts = splitAtDelimiters(text).map(
    (piece): Part =>
      piece.delimited ? translateFragment(piece).fragment : { kind: 'literal', text: piece.text },
  )
  return matchingCost(parts, findLiteralPrefixes(parts)).degree
}

const DEGREES: [text: string, degree: number][] = [
  ['http://h/<.*>', 1],
  ['<.*>://<.*>/<.*>', 1 + 1],
  ['http://<.*>/<.*>', 1],
  ['http://<[^/]*>/<.*>/edit', 1],
  ['http://h/<[a-z]+>/<[a-z]+>/<[a-z]+>x', 1],
  ['http://h/<.*>/a/<[a-z]+>', 1],
  ['http://h/<.*>/a/<.*>/b', 2],
  ['http://h/<.*>x<.*>y<.*>z', 3],
  ['http://h/<.*x.*>y', 2],
  ['http://h/<a+a+a+>b', 3],
  ['http://h/<(?:a+a+|b)>c', 2],
  ['http://h/<.*(?:a+a+|b)>c', 3],
  ['http://h/<[a-z]+[0-9]+>x', 1],
  ['http://h/<[a-z]+-[a-z]+>x', 1],
]

describe('matchingCost', () => {
  for (const fragment of EXPONENTIAL) {
    it(`<${fragment}> is rejected: it can take too long (G5)`, () => {
      const compiled = compilePattern(`http://h/<${fragment}>`, 'regexp')
      assert.ok('fault' in compiled)
      assert.match(compiled.fault.message, /too long/)
    })
  }

  for (const fragment of HARMLESS) {
    it(`<${fragment}> is accepted without a warning`, () => {
      const compiled = compilePattern(`http://h/<${fragment}>`, 'regexp')
      assert.ok(!('fault' in compiled), JSON.stringify(compiled))
      assert.deepEqual(compiled.lints, [])
    })
  }

  for (const [text, expected] of DEGREES) {
    it(`the cost of ${text} grows with the power ${expected} of the length`, () => {
      assert.equal(degree(text), expected)
    })
  }

  it('warns of polynomial cost and limits the length of URLs, the more the higher the degree', () => {
    const bound = (text: string): number | undefined => {
      const compiled = compilePattern(text, 'regexp')
      assert.ok(!('fault' in compiled))
      const warned = compiled.lints.some(lint => lint.message.includes('to the power of'))
      assert.equal(warned, degree(text) > 1)
      return compiled.pattern.maxUrlChars
    }
    assert.equal(bound('http://h/<.*>x'), undefined)
    const bounds = ['x<.*>y', 'x<.*>y<.*>z', 'x<.*>y<.*>z<.*>x'].map(
      rest => bound(`http://h/<.*>${rest}`) ?? 0,
    )
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => b - a),
    )
    assert.ok(bounds.every(chars => chars > 100 && chars < 10_000))
  })
})
