import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../src/lib/time.ts'
import { withTimeout } from '../../src/lib/with_timeout.ts'

const never = new Promise<never>(() => {})

test('resolves to the value in time, else to the fallback', { timeout: 20_000 }, async () => {
  assert.equal(await withTimeout(Promise.resolve(1), millis(1_000), 'late'), 1)
  assert.equal(await withTimeout(never, millis(1), 'late'), 'late')
  assert.equal(await withTimeout(Promise.resolve(1), millis(0), 'late'), 'late')
  assert.equal(await withTimeout(Promise.resolve(1), millis(Number.POSITIVE_INFINITY), 'late'), 1)
})

test('rejects as the promise does', async () => {
  await assert.rejects(withTimeout(Promise.reject(new Error('x')), millis(1_000), 'late'), /x/)
})
