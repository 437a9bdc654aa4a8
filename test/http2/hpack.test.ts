/** HPACK against the examples of RFC 7541, against the encoder of Node, and against bytes that no encoder sends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import type { HeaderField } from '../../src/http2/header_field.ts'
import { HpackDecoder } from '../../src/http2/hpack_decoder.ts'
import { encodeHeaderBlock } from '../../src/http2/hpack_encoder.ts'
import { decodeHuffman } from '../../src/http2/huffman.ts'
import { HttpFrames } from '../support/http2_frames.ts'

/** Decodes one block; `undefined` where it is not valid. */
function decode(decoder: HpackDecoder, block: Buffer): string[] | undefined {
  const fields: string[] = []
  const add = ({ name, value }: HeaderField) => void fields.push(`${name}: ${value}`)
  return decoder.decode(block, 0, block.length, { add }) ? fields : undefined
}
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

test('requests of RFC 7541, C.3 and C.4, which use the dynamic table', () => {
  const first = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com']
  const second = [...first, 'cache-control: no-cache']
  const third = [
    ':method: GET',
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value',
  ]
  const plain = new HpackDecoder()
  assert.deepEqual(decode(plain, hex('8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d')), first)
  assert.deepEqual(decode(plain, hex('8286 84be 5808 6e6f 2d63 6163 6865')), second)
  assert.deepEqual(
    decode(plain, hex('8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65')),
    third,
  )
  const huffman = new HpackDecoder()
  assert.deepEqual(decode(huffman, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')), first)
  assert.deepEqual(decode(huffman, hex('8286 84be 5886 a8eb 1064 9cbf')), second)
  assert.deepEqual(decode(huffman, hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')), third)
})

test('responses of RFC 7541, C.6, with a table of 256 bytes that evicts', () => {
  const decoder = new HpackDecoder()
  const [date, later] = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT']
  const location = 'location: https://www.example.com'
  // The first bytes set the size of the table, which the RFC assumes.
  assert.deepEqual(
    decode(
      decoder,
      hex(
        '3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
      ),
    ),
    [':status: 302', 'cache-control: private', `date: ${date}`, location],
  )
  assert.deepEqual(decode(decoder, hex('4883 640e ffc1 c0bf')), [
    ':status: 307',
    'cache-control: private',
    `date: ${date}`,
    location,
  ])
  assert.deepEqual(
    decode(
      decoder,
      hex(
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ),
    ),
    [
      ':status: 200',
      'cache-control: private',
      `date: ${later}`,
      location,
      'content-encoding: gzip',
      'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ],
  )
})

test('every byte has its Huffman code, as Node encodes it', async t => {
  // Node sends a value with Huffman codes where that is shorter, and repeats of short codes make it shorter.
  const values = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).filter(
    character => !/[\0\r\n]/.test(character),
  )
  const sent = values.map(character => `x${character}${'0'.repeat(60)}`)
  const fields = await fieldsSentByNode(t, Object.fromEntries(sent.map((value, i) => [`h${i}`, value])))
  for (const [i, value] of sent.entries()) assert.equal(fields.get(`h${i}`), value, `byte ${values[i]}`)
})

test('random headers arrive as Node has sent them, over many requests on one table', async t => {
  const server = await recordingServer(t)
  const session = connect(server.url)
  t.after(() => session.destroy())
  const values = fc.sample(
    fc.dictionary(
      fc.stringMatching(/^x-[a-z0-9]{1,12}$/),
      fc.oneof(fc.stringMatching(/^[!-~]{1,40}$/), fc.constantFrom('a', 'b'.repeat(5_000), 'ü')),
      { maxKeys: 12 },
    ),
    { numRuns: 200, seed: 7541 },
  )
  const decoder = new HpackDecoder()
  for (const headers of values) {
    session.request(headers).on('error', () => {})
    const fields = decode(decoder, await server.nextBlock())
    assert.ok(fields, 'the block is valid')
    for (const [name, value] of Object.entries(headers)) assert.ok(fields.includes(`${name}: ${value}`), name)
  }
})

test('blocks that are not valid are refused', () => {
  const invalid = {
    'index 0': '80',
    'an index beyond both tables': 'be',
    'a name beyond both tables': '7e 00',
    'a text longer than the block': '00 05 61',
    'a value that is missing': '00 01 61',
    'a number that does not end': '7f ff ff ff ff',
    'a number of too many bytes': '7f ff ff ff ff ff 00 00',
    'a larger table than allowed': '3f e2 1f',
    'a size that is not at the beginning': '82 20',
    'Huffman code with EOS': '00 84 ff ff ff ff 01 61',
    'padding of eight bits': '00 82 1f ff 01 61',
    'padding of zeros': '00 81 18 01 61',
  }
  for (const [what, block] of Object.entries(invalid))
    assert.equal(decode(new HpackDecoder(), hex(block)), undefined, what)
  assert.deepEqual(
    decode(new HpackDecoder(), hex('3f e1 1f 82')),
    [':method: GET'],
    'the size itself is allowed',
  )
})

test('random bytes never throw, and texts are never longer than their Huffman code allows', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
      const block = Buffer.from(bytes)
      decode(new HpackDecoder(), block)
      const text = decodeHuffman(block, 0, block.length)
      assert.ok(text === undefined || text.length <= (block.length * 8) / 5)
    }),
    { numRuns: 5_000 },
  )
})

test('what the encoder writes is what the decoder reads', () => {
  const fields = { ':status': '200', 'content-type': 'application/grpc', 'grpc-message': 'm'.repeat(500) }
  assert.deepEqual(
    decode(new HpackDecoder(), encodeHeaderBlock(fields)),
    Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
  )
  assert.deepEqual(decode(new HpackDecoder(), encodeHeaderBlock({ ':status': '405' })), [':status: 405'])
})

/** A server that answers nothing and keeps the header blocks of its one client. */
async function recordingServer(t: { after(done: () => void): void }) {
  const blocks: Buffer[] = []
  const sockets: Socket[] = []
  let arrived = () => {}
  const server = createServer(socket => {
    sockets.push(socket)
    const frames = new HttpFrames(socket)
    frames.onBlock = block => {
      blocks.push(block)
      arrived()
    }
    frames.expectPreface()
    frames.send(4, 0, 0)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async nextBlock(): Promise<Buffer> {
      while (blocks.length === 0)
        await new Promise<void>(resolve => {
          arrived = resolve
        })
      return blocks.shift() as Buffer
    },
  }
}

async function fieldsSentByNode(t: { after(done: () => void): void }, headers: Record<string, string>) {
  const server = await recordingServer(t)
  const session = connect(server.url, { maxSendHeaderBlockLength: 200_000 })
  t.after(() => session.destroy())
  session.request(headers).on('error', () => {})
  const fields = new Map<string, string>()
  const block = await server.nextBlock()
  const add = ({ name, value }: HeaderField) => void fields.set(name, value)
  assert.ok(new HpackDecoder().decode(block, 0, block.length, { add }))
  return fields
}
