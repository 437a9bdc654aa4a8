/** The translation of Oathkeeper's dialect: captures, and rejected syntax. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compilePattern } from '../../../src/rules/patterns/pattern.ts'

const match = (fragment: string, path: string): readonly string[] | undefined => {
  const compiled = compilePattern(`http://h/${fragment}`, 'regexp')
  assert.ok(!('fault' in compiled), JSON.stringify(compiled))
  return compiled.pattern.exec(`http://h/${path}`)
}

const CAPTURED: [fragments: string, path: string, captures: string[] | undefined][] = [
  ['<(?P<id>[0-9]+)-([a-z])>/<(x)?>', '12-a/x', ['12-a', 'a', 'x', 'x', '12']],
  ['<(?P<id>[0-9]+)-([a-z])>/<(x)?>', '12-a/', ['12-a', 'a', '', '', '12']],
  ["<(?'id'a)>", 'a', ['a', 'a']],
  ['<\\d+>', '٣4', ['٣4']],
  ['<\\w+>', 'é1_', ['é1_']],
  ['<\\w+>', 'a-b', undefined],
  ['<a\\sb>', 'a\u00a0b', ['a\u00a0b']],
  ['<[\\w-]+>', 'a-é', ['a-é']],
  ['<\\bé\\b>', 'é', ['é']],
  ['<a\\b.>', 'ab', undefined],
  ['<[[:alpha:][:digit:]]+>', 'a1', ['a1']],
  ['<[[:^alpha:]]+>', '12', ['12']],
  ['<[[:^alpha:]]+>', 'a', undefined],
  ['<[a-z-[aeiou]]+>', 'bcd', ['bcd']],
  ['<[a-z-[aeiou]]+>', 'bad', undefined],
  ['<[^a-z-[A-C]]>', 'A', undefined],
  ['<[^a-z-[A-C]]>', 'D', ['D']],
  ['<[]a]+>', ']a', [']a']],
  ['<[a-]+>', 'a-', ['a-']],
  ['<[\\x41-\\u0043]+>', 'ABC', ['ABC']],
  ['<(?i)a>/b', 'A/b', ['A']],
  ['<(?i)a>/b', 'A/B', undefined],
  ['<a(?i)b|c>', 'C', ['C']],
  ['<a(?i:b)c>', 'aBc', ['aBc']],
  ['<a(?i:b)c>', 'aBC', undefined],
  ['<(?i)[a-c]+(?-i)d>', 'ABd', ['ABd']],
  ['<(?i)[a-c]+(?-i)d>', 'ABD', undefined],
  ['<(?x) a b # note\n c>', 'abc', ['abc']],
  ['<(?s).>', '\n', ['\n']],
  ['<.>', '\n', undefined],
  ['<.>', '\u2028', ['\u2028']],
  ['<.>', '😀', ['😀']],
  ['<a$>', 'a\n', undefined],
  ['<a\\Z>', 'a', ['a']],
  ['<\\Aa>', 'a', undefined],
  ['<(?<q>[ab])x\\k<q>>', 'axa', ['axa', 'a']],
  ['<(?<q>[ab])x\\k<q>>', 'axb', undefined],
  ['<x>/<(a)(?<q>[ab])\\k<q>1>', 'x/abb1', ['x', 'abb1', 'a', 'b']],
  ['<a{,3}>', 'a{,3}', ['a{,3}']],
  ['<a{2,}b?>', 'aaa', ['aaa']],
  ['<{a}>', '{a}', ['{a}']],
  ['<\\p{Greek}+>', 'αβ', ['αβ']],
  ['<\\P{Lu}>', 'A', undefined],
  ['<\\/\\.\\->', '/.-', ['/.-']],
  ['<\\t\\x{1F600}>', '\t😀', ['\t😀']],
  ['<(?:(a)|b)+>', 'ba', ['ba', 'a']],
  // A class after a case-insensitive part is case-sensitive; V8 14.6 needs an explicit (?-i:) for that.
  ['<(?i:v)[0-9]+[a-z]>', 'V1B', undefined],
  ['<(?i:v)[a-z]>', 'VB', undefined],
  ['<(?i:v)[a-z]>', 'Vb', ['Vb']],
  ['<(?i:x)?\\p{Lu}>', 'b', undefined],
  ['<(?:(?i:x)|[a-z])>', 'B', undefined],
  ['<(?i:v)[^a-z]>', 'vB', ['vB']],
  ['<(?i)v>-<[a-z]>', 'V-B', undefined],
  ['<([ab])(?i:\\p{L})[a-z]>', 'axB', undefined],
  ['<[[:digit:]]+>', '٣4', ['٣4']],
  ['<[[:^digit:]]>', '٣', undefined],
  ['<[[:space:]]>', '\u00a0', ['\u00a0']],
  ['<[[:^space:]]>', '\u2003', undefined],
  ['<[[:word:]]>', 'é', undefined],
  ['<a(?#note)+>', 'aa', ['aa']],
  ['<a$*b>', 'ab', ['ab']],
  ['<(?=a)?\\w>', 'b', ['b']],
  ['<a\\b+/\\b{2}b>', 'a/b', ['a/b']],
  ['<\\cA\\cz\\012>', '\x01\x1a\n', ['\x01\x1a\n']],
]

const REJECTED = [
  '[',
  '(',
  ')',
  'a)(b',
  'a++',
  'a**',
  'a{2}{3}',
  'a{2,1}',
  '*',
  'a|+',
  '(?:*)',
  '{2}',
  '[z-a]',
  '[a-\\d]',
  '[[:nope:]]',
  '[a-[b]c]',
  '\\pL',
  '\\p{IsGreek}',
  '\\Qa\\E',
  '\\h',
  '\\R',
  '\\G',
  '([a-z])\\2',
  '\\k<n>',
  '(?:(?<n>a)|b)\\k<n>',
  '(?<n>a)?\\k<n>',
  '\\k<n>(?<n>a)',
  '(?<n>a)(?<n>b)',
  '(?n)a',
  '(?(a)b)',
  'a\\',
  '(?#x',
  `${'('.repeat(200)}a${')'.repeat(200)}`,
  'a{1001}',
  '\\1',
  'a\\1b',
  '(?:a)\\1',
  '\\0',
  '\\07',
  '\\c!',
]

describe('the regexp strategy', () => {
  for (const [fragments, path, captures] of CAPTURED) {
    it(`${JSON.stringify(fragments)} on ${JSON.stringify(path)}: ${JSON.stringify(captures)}`, () => {
      assert.deepEqual(match(fragments, path), captures)
    })
  }

  for (const fragment of REJECTED) {
    it(`rejects <${fragment.slice(0, 30)}>, with a reason and a column`, () => {
      const compiled = compilePattern(`http://h/<${fragment}>`, 'regexp')
      assert.ok('fault' in compiled)
      assert.doesNotMatch(compiled.fault.message, /cannot be used/)
      const { column = 0 } = compiled.fault
      assert.ok(column > 'http://h/'.length && column <= `http://h/<${fragment}>`.length, String(column))
    })
  }

  it('names the strategy where a glob is written', () => {
    for (const glob of ['**', '*', '*.json']) {
      const compiled = compilePattern(`http://h/api/<${glob}>`, 'regexp')
      assert.match(
        'fault' in compiled ? compiled.fault.message : '',
        /looks like a glob, but the strategy is regexp/,
      )
    }
    const compiled = compilePattern('http://h/<a|*>', 'regexp')
    assert.equal('fault' in compiled ? compiled.fault.message : '', '"*" repeats nothing')
  })

  it('requires every fragment to be a complete expression', () => {
    assert.ok('fault' in compilePattern('http://h/<(a>b<c)>', 'regexp'))
    assert.ok('fault' in compilePattern('http://h/<(a)>/<(b)x\\1>', 'regexp'))
    assert.ok('fault' in compilePattern('http://h/<(?<n>a)>/<\\k<n>>', 'regexp'))
  })

  it('rejects a group name that appears in two fragments, which is one group in Oathkeeper', () => {
    const compiled = compilePattern('http://h/<(?<n>a)(?<m>x)>/<(?<n>b)>', 'regexp')
    assert.ok('fault' in compiled)
    assert.match(compiled.fault.message, /"n" is used twice/)
    assert.equal(compiled.fault.column, 'http://h/<(?<n>a)(?<m>x)>/<'.length + 1)
  })

  it('warns if a capture may differ from Oathkeeper or a fragment never matches', () => {
    const lints = (text: string): number => {
      const compiled = compilePattern(text, 'regexp')
      assert.ok(!('fault' in compiled))
      return compiled.lints.length
    }
    assert.equal(lints('http://h/<(?:(a)|b)+c>'), 1)
    assert.equal(lints('http://h/<(?:([a-z])/?)>'), 0)
    assert.equal(lints('http://h/<(a|b)+>'), 0)
    assert.equal(lints('http://h/<([a-z])x\\1>'), 1)
  })
})
