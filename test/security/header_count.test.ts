/** S2-13: headers are counted while they are read, so that a Check of millions of them costs no more than its bytes. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { decodeCheckRequest } from '../../src/envoy/check_request.ts'
import { CheckRequestMessage } from '../../src/envoy/check_request_message.ts'
import type { Instant } from '../../src/lib/time.ts'

/** Field 1 of the Check, in it `request` (4), `http` (2), and there the bytes given. */
function checkOf(http: Buffer): Buffer {
  return [2, 4, 1].reduce((inner, field) => {
    const length: number[] = []
    for (let rest = inner.length; ; rest >>>= 7) {
      length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest)
      if (rest <= 0x7f) break
    }
    return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), inner])
  }, http)
}

/** Empty entries of `headers` (field 3). */
const headers = (count: number): Buffer => Buffer.alloc(2 * count, Buffer.from([0x1a, 0]))

test('S2-13 reading stops at the first header beyond 1,000', () => {
  assert.equal(new CheckRequestMessage(checkOf(headers(1_000))).headerCount, 1_000)
  const many = new CheckRequestMessage(checkOf(headers(2_000_000)))
  assert.deepEqual([many.headerCount, many.hasHttpRequest], [1_001, true])
})

test('S2-13 (D12) a Check with more headers is 431, whatever follows them', () => {
  for (const more of [Buffer.alloc(0), Buffer.from([0x22, 0xff]), Buffer.from('nonsense')]) {
    const denial = decodeCheckRequest(checkOf(Buffer.concat([headers(1_001), more])), 0 as Instant, 'strict')
    assert.deepEqual(denial.kind === 'denial' && [denial.status, denial.code], [431, 'headers_too_large'])
  }
})
