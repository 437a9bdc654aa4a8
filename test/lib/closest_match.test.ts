import assert from 'node:assert/strict'
import test from 'node:test'
import { closestMatch } from '../../src/lib/closest_match.ts'

const HANDLERS = ['jwt', 'noop', 'anonymous', 'cookie_session', 'bearer_token']

for (const [word, expected] of [
  ['jwtt', 'jwt'],
  ['JWT', 'jwt'],
  ['cookie-session', 'cookie_session'],
  ['anonymus', 'anonymous'],
  ['jwk', 'jwt'],
  ['abc', undefined],
  ['bearer', undefined],
  ['', undefined],
] as const) {
  test(`the closest match of ${JSON.stringify(word)} is ${expected}`, () => {
    assert.equal(closestMatch(word, HANDLERS), expected)
  })
}

test('without candidates there is no match', () => assert.equal(closestMatch('jwt', []), undefined))
