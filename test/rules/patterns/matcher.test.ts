/** Matching in parts gives the same result and captures as one whole expression. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { findLiteralPrefixes } from '../../../src/rules/patterns/literal_prefixes.ts'
import { createMatcher } from '../../../src/rules/patterns/matcher.ts'
import { translateFragment } from '../../../src/rules/patterns/regexp.ts'
import { type Part, patternSource, splitAtDelimiters } from '../../../src/rules/patterns/syntax.ts'

const partsOf = (text: string): Part[] =>
  splitAtDelimiters(text).map(piece =>
    piece.delimited ? translateFragment(piece).fragment : { kind: 'literal', text: piece.text },
  )

/** The captures of one whole expression, named groups moved to the end. */
function matchWhole(parts: readonly Part[], url: string): string[] | undefined {
  const { source, groups } = patternSource(parts)
  const match = new RegExp(`^${source}$`, 'v').exec(url)?.slice(1)
  if (match === undefined) return undefined
  const all = match.map((text, i) => ({ text: text ?? '', named: groups[i] !== undefined }))
  return [...all.filter(one => !one.named), ...all.filter(one => one.named)].map(one => one.text)
}

const fragment = fc.constantFrom(
  'a|ab',
  '(a|ab)(b?)',
  '.*',
  '.+',
  '.*?',
  '(.*)',
  '[^/]*',
  '[^/]+?',
  '(?<n>a)|b',
  'a{0,2}?',
  '(?=a).*',
  '\\bab?',
  '|/.*',
  '(?<n>a|b)\\k<n>',
  '(?i)A+',
)
const literal = fc.constantFrom('a', 'b', 'ab', '/', '/a', '/a/', '/b/a', 'a/')
const text = fc
  .array(
    fc.oneof(
      fragment.map(f => `<${f}>`),
      literal,
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map(pieces => pieces.join(''))
  .filter(pattern => pattern.split('?<n>').length < 3)

describe('createMatcher', () => {
  it('agrees with one whole expression on matches and captures, from every prefix', () => {
    const url = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'A', '\n'), maxLength: 10 })
    fc.assert(
      fc.property(text, fc.array(url, { minLength: 1, maxLength: 10 }), (pattern, urls) => {
        const parts = partsOf(pattern)
        const heads = findLiteralPrefixes(parts)
        const { exec, execFromPrefix } = createMatcher(parts, heads)
        for (const one of urls) {
          const expected = matchWhole(parts, one)
          assert.deepEqual(exec(one), expected, JSON.stringify([pattern, one]))
          const starts = heads.alternatives.flatMap((head, i) => (one.startsWith(head.text) ? [i] : []))
          if (starts.length === 1 && execFromPrefix !== undefined) {
            assert.deepEqual(
              execFromPrefix(one, starts[0] as number),
              expected,
              JSON.stringify([pattern, one]),
            )
          }
        }
      }),
      { numRuns: 1500 },
    )
  })

  it('matches .* as the empty text, up to the last possible slash, and not across a line feed', () => {
    const parts = partsOf('a<.*>/b<[a-z]?>')
    const { exec } = createMatcher(parts, findLiteralPrefixes(parts))
    assert.deepEqual(exec('a/b'), ['', ''])
    assert.deepEqual(exec('a/b/b/bx'), ['/b/b', 'x'])
    assert.deepEqual(exec('a/bx/b1'), undefined)
    assert.deepEqual(exec('a\n/b'), undefined)
  })

  it('shares expressions between patterns with equal endings', () => {
    const matchers = ['http://h/a/<[0-9]+>', 'http://h/b/<[0-9]+>'].map(one => {
      const parts = partsOf(one)
      return createMatcher(parts, findLiteralPrefixes(parts))
    })
    assert.deepEqual(
      matchers.map(({ exec }) => [exec('http://h/a/1'), exec('http://h/b/2'), exec('http://h/a/1')]),
      [
        [['1'], undefined, ['1']],
        [undefined, ['2'], undefined],
      ],
    )
  })
})
