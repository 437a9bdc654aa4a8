import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  GlobError,
  globToRegExpSource,
  matchGlob,
  overlappingTexts,
  parseGlob,
} from '../../src/golang/glob.ts'

const parse = (text: string) => parseGlob(Array.from(text, char => ({ char, literal: false })))
const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
const token = fc.constantFrom(
  'a',
  'b',
  '.',
  '/',
  '*',
  '**',
  '?',
  '[ab]',
  '[!a]',
  '[a-b]',
  '{',
  '}',
  ',',
  'é',
  '\\*',
)

describe('globs', () => {
  it('match alike by regular expression and by sets of positions', () => {
    const glob = fc.array(token, { maxLength: 8 }).map(tokens => tokens.join(''))
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/', 'é', '😀', '*'), maxLength: 8 })
    fc.assert(
      fc.property(glob, fc.array(text, { minLength: 1, maxLength: 8 }), (made, texts) => {
        const nodes = parse(made)
        const expression = new RegExp(`^${nodes.map(node => globToRegExpSource(node, quote)).join('')}$`, 'v')
        for (const one of texts) {
          assert.equal(matchGlob(nodes, one), expression.test(one), JSON.stringify([made, one]))
        }
      }),
      { numRuns: 1500 },
    )
  })

  const table: [glob: string, text: string, matches: boolean][] = [
    ['{a,{b,c}d}', 'cd', true],
    ['{a,{b,c}d}', 'd', false],
    ['{a,b', 'b', true],
    ['a}', 'a}', true],
    ['a,b', 'a,b', true],
    ['[!a]', '/', true],
    ['[^a]', '^', true],
    ['[ab-z]', '-', true],
    ['***', 'a/b', true],
    ['***', '', false],
    ['****', '', true],
    ['a***b', 'ab', false],
    ['a***b', 'a/b', true],
    ['\\{a\\}', '{a}', true],
    ['*', 'a.b', false],
    ['?', '😀', true],
  ]
  for (const [glob, text, matches] of table) {
    it(`${glob} ${matches ? 'matches' : 'does not match'} ${text}`, () => {
      assert.equal(matchGlob(parse(glob), text), matches)
    })
  }

  for (const glob of ['[a-z0-9]', '[z-a]', '[]', '[', '[a', '[!]', '[a-']) {
    it(`${glob} is rejected`, () => {
      assert.throws(() => parse(glob), GlobError)
    })
  }

  it('match a hostile text in time proportional to text times pattern', () => {
    const nodes = parse(`${'{a,aa}'.repeat(30)}${'**a'.repeat(20)}b`)
    assert.equal(matchGlob(nodes, 'a'.repeat(5000)), false)
  })

  it('have the texts in which the two literals around ** overlap', () => {
    assert.deepEqual(overlappingTexts(parse('/a/**/a/b')), ['/a/b', '/a/a/b'])
    assert.deepEqual(overlappingTexts(parse('a**b')), [])
  })
})
