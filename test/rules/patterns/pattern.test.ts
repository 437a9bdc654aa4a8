/** Patterns match and capture as recorded from Oathkeeper. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { compilePattern } from '../../../src/rules/patterns/pattern.ts'

interface Case {
  readonly id: string
  readonly strategy: 'regexp' | 'glob'
  readonly patterns: readonly string[]
  readonly url: string
  readonly expect: 'match' | 'none' | 'refused'
  readonly captures?: readonly string[]
}

const cases: readonly Case[] = readFileSync(new URL('cases.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => line !== '')
  .map(line => JSON.parse(line))

describe('recorded decisions', () => {
  for (const { id, strategy, patterns, url, expect, captures } of cases) {
    it(`${id}: ${patterns.join(' and ')} and ${JSON.stringify(url)}: ${expect}`, () => {
      const compiled = patterns.map(pattern => compilePattern(pattern, strategy))
      if (expect === 'refused') return assert.ok(compiled.some(one => 'fault' in one))
      const found = compiled.flatMap(one => {
        assert.ok(!('fault' in one), JSON.stringify(one))
        return [one.pattern.exec(url)].filter(captured => captured !== undefined)
      })
      assert.equal(found.length, expect === 'match' ? 1 : 0)
      if (captures !== undefined) assert.deepEqual(found[0], captures)
    })
  }
})
