import assert from 'node:assert/strict'
import test from 'node:test'
import { rateLimitHeaders } from '../../src/http/rate_limit_headers.ts'

test('only rate limit headers are passed on, with their first values', () => {
  assert.deepEqual(
    rateLimitHeaders([
      ['x-ratelimit-limit', '5'],
      ['set-cookie', 'a=1'],
      ['retry-after', '9'],
      ['retry-after', '10'],
    ]),
    [
      { name: 'x-ratelimit-limit', value: '5' },
      { name: 'retry-after', value: '9' },
    ],
  )
})
