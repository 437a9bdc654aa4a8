/** Frames, content types and timeouts of gRPC over HTTP/2. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeFrame,
  encodeFrame,
  GrpcStatus,
  isGrpcContentType,
  parseTimeout,
} from '../../src/grpc/framing.ts'

test('a framed message is decoded unchanged, even an empty one', () => {
  for (const bytes of [[], [1], [1, 2, 3]]) {
    const message = decodeFrame(encodeFrame(Buffer.from(bytes)))
    assert.ok(Buffer.isBuffer(message))
    assert.deepEqual([...message], bytes)
  }
})

const NOT_ONE: Readonly<Record<string, Buffer>> = {
  'no frame': Buffer.alloc(0),
  'half a prefix': Buffer.alloc(3),
  'less than the prefix says': encodeFrame(Buffer.alloc(9)).subarray(0, 12),
  'more than the prefix says': Buffer.concat([encodeFrame(Buffer.alloc(9)), Buffer.alloc(1)]),
  'two messages': Buffer.concat([encodeFrame(Buffer.alloc(2)), encodeFrame(Buffer.alloc(2))]),
}
for (const [what, body] of Object.entries(NOT_ONE)) {
  test(`${what} is not a unary call`, () => {
    const fault = decodeFrame(body)
    assert.equal('status' in fault && fault.status, GrpcStatus.internal)
  })
}

test('a compressed message is rejected (G4)', () => {
  const body = encodeFrame(Buffer.from([1]))
  body[0] = 1
  const fault = decodeFrame(body)
  assert.equal('status' in fault && fault.status, GrpcStatus.unimplemented)
})

test('a call has the content type application/grpc', () => {
  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc;charset=utf-8'])
    assert.equal(isGrpcContentType(type), true, type)
  for (const type of [undefined, '', 'application/grpc-web', 'application/json', 'text/application/grpc'])
    assert.equal(isGrpcContentType(type), false, String(type))
})

test('a timeout has up to eight digits and a unit; any other text is none', () => {
  const read = (text: string | undefined) => parseTimeout(text)
  assert.deepEqual(
    ['1H', '2M', '3S', '200m', '1500u', '0m'].map(read),
    [3_600_000, 120_000, 3_000, 200, 1.5, 0],
  )
  assert.ok(Math.abs((read('5000n') ?? 0) - 0.005) < 1e-9)
  for (const text of [undefined, '', '200', 'm', '-1S', '1.5S', '123456789S', '1s', '1S '])
    assert.equal(read(text), undefined, String(text))
})
