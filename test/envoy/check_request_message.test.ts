import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { CheckRequestMessage } from '../../src/envoy/check_request_message.ts'
import { ProtobufError } from '../../src/grpc/protobuf_reader.ts'
import { encodeRequest } from './reference_codec.ts'

const text = fc.string({ unit: 'grapheme' })
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/)

test('our reader finds in random requests what proto-loader has written', () => {
  fc.assert(
    fc.property(
      text,
      text,
      text,
      text,
      fc.dictionary(name, text),
      text,
      text,
      (method, path, host, scheme, headers, principal, sni) => {
        const message = new CheckRequestMessage(
          encodeRequest({ method, path, host, scheme, headers }, { address: '10.1.2.3', principal, sni }),
        )
        assert.equal(message.method, method)
        assert.equal(message.target, path)
        assert.equal(message.authority, host)
        assert.equal(message.scheme, scheme)
        assert.equal(message.principal, principal)
        assert.equal(message.sni, sni)
        assert.equal(message.sourceAddress, '10.1.2.3')
        assert.deepEqual(new Map(message.headerEntries()), new Map(Object.entries(headers)))
        for (const [key, value] of Object.entries(headers)) assert.equal(message.header(key), value)
      },
    ),
  )
})

test('raw headers keep repeated names, their order and bytes that are not UTF-8 (D3)', () => {
  const message = new CheckRequestMessage(
    encodeRequest({
      header_map: [
        [':path', '/x'],
        ['cookie', 'a=1'],
        ['x-name', Buffer.from([0x63, 0x61, 0x66, 0xe9])],
        ['cookie', 'b=2'],
        ['x-utf', 'café'],
        ['x-empty', ''],
      ],
    }),
  )
  assert.deepEqual(message.headerValues('cookie'), ['a=1', 'b=2'])
  assert.equal(message.header('x-name'), 'caf\xe9', 'Latin-1, byte for byte')
  assert.equal(message.header('x-utf'), 'café')
  assert.equal(message.header('x-empty'), '')
  assert.deepEqual(
    [...message.headerEntries()].map(([key]) => key),
    ['cookie', 'x-name', 'cookie', 'x-utf', 'x-empty'],
  )
})

test('header_map takes precedence over headers (D7)', () => {
  const message = new CheckRequestMessage(
    encodeRequest({ headers: { 'x-a': 'map' }, header_map: [['x-a', 'raw']] }),
  )
  assert.deepEqual(message.headerValues('x-a'), ['raw'])
})

for (const hostile of ['__proto__', 'constructor', 'hasownproperty']) {
  test(`a header named ${hostile} is an ordinary header (J9)`, () => {
    const message = new CheckRequestMessage(encodeRequest({ header_map: [[hostile, 'v']] }))
    assert.equal(message.header(hostile), 'v')
    assert.deepEqual([...message.headerEntries()], [[hostile, 'v']])
  })
}

test('random bytes are a request or a ProtobufError, and no read is beyond the end (F6)', () => {
  const valid = encodeRequest({ headers: { cookie: 'a=b', accept: '*/*' } })
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => {
      const copy = Buffer.from(valid)
      copy[at] = byte
      return copy
    }),
    fc.nat(valid.length).map(length => valid.subarray(0, length)),
  )
  fc.assert(
    fc.property(bytes, random => {
      try {
        const message = new CheckRequestMessage(Buffer.from(random))
        assert.ok([...message.headerEntries()].length <= random.length)
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a field number of 0 is not protobuf, in each wire type (F6)', () => {
  for (const bytes of [
    [0x00, 0x01],
    [0x02, 0x01, 0x61],
    [0x01, 0, 0, 0, 0, 0, 0, 0, 0],
    [0x05, 0, 0, 0, 0],
  ])
    assert.throws(() => new CheckRequestMessage(Buffer.from(bytes)), ProtobufError, String(bytes))
})
