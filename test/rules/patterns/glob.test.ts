/** Globs that are easily misunderstood, or that Oathkeeper misreads, are reported (Q-27, Q-73). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compilePattern } from '../../../src/rules/patterns/pattern.ts'

const LINTS: readonly (readonly [glob: string, message: RegExp | undefined])[] = [
  ['http://h/<.*>', /looks like a regular expression/],
  ['http://h/<[!a]>', /"\[!a\]" also matches "\." and "\/"/],
  ['http://h/<[!a-c]x>', /"\[!a-c\]" also matches/],
  ['http://h/<[!./]>', undefined],
  ['http://h/<[abc]>', undefined],
  ['http://h/<***>', undefined],
  ['http://h/<*?>', /misreads "\*\?"/],
  ['http://h/<{foo*,bar}>', /Oathkeeper misreads/],
  ['http://h/<{bar,foo*}>', undefined],
]

describe('a glob', () => {
  for (const [glob, message] of LINTS) {
    it(`${glob} ${message === undefined ? 'causes no warning' : `causes ${message}`}`, () => {
      const compiled = compilePattern(glob, 'glob')
      assert.ok(!('fault' in compiled))
      const lints = compiled.lints.map(lint => lint.message)
      if (message === undefined) assert.deepEqual(lints, [])
      else assert.match(lints.join('\n'), message)
    })
  }
})
