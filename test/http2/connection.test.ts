/** One connection of the HTTP/2 server on a raw socket: what RFC 9113 demands where a client errs, windows and the drain. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode, FrameType } from '../../src/http2/frames.ts'
import { encodeHeaderBlock } from '../../src/http2/hpack_encoder.ts'
import { encodeHttp2Frame as frame, PREFACE } from '../support/http2_frames.ts'
import { openHttp2, REQUEST, requestBlock } from '../support/http2_server.ts'

const { data, headers, priority, rstStream, settings, pushPromise, ping, windowUpdate, continuation } =
  FrameType
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.from([0, id]), u32(value)])
const EMPTY = Buffer.alloc(0)
const open = frame(headers, 4, 1, REQUEST)
const whole = frame(headers, 5, 1, REQUEST)

/** What a client sends after its preface and SETTINGS, and the GOAWAY that it gets. */
const CONNECTION_ERRORS: Readonly<Record<string, readonly [sent: Buffer, code: number]>> = {
  'a frame longer than allowed': [frame(data, 0, 1, Buffer.alloc(16_385)), ErrorCode.frameSizeError],
  'DATA on stream 0': [frame(data, 0, 0), ErrorCode.protocolError],
  'DATA on an idle stream': [frame(data, 0, 1), ErrorCode.protocolError],
  'DATA after the end of its stream': [
    Buffer.concat([whole, frame(data, 0, 1, Buffer.alloc(1))]),
    ErrorCode.streamClosed,
  ],
  'padding as long as DATA': [
    Buffer.concat([open, frame(data, 8, 1, Buffer.from([1]))]),
    ErrorCode.protocolError,
  ],
  'padded DATA without a length': [Buffer.concat([open, frame(data, 8, 1)]), ErrorCode.protocolError],
  'HEADERS on an even stream': [frame(headers, 5, 2, REQUEST), ErrorCode.protocolError],
  'HEADERS on a stream that was skipped': [
    Buffer.concat([frame(headers, 5, 5, REQUEST), frame(headers, 5, 3, REQUEST)]),
    ErrorCode.protocolError,
  ],
  'HEADERS with priority that do not fit': [
    frame(headers, 0x25, 1, Buffer.alloc(4)),
    ErrorCode.frameSizeError,
  ],
  'HEADERS with more padding than bytes': [
    frame(headers, 0xd, 1, Buffer.from([9, 0x82])),
    ErrorCode.protocolError,
  ],
  'a block that is not valid': [frame(headers, 5, 1, Buffer.from([0x80])), ErrorCode.compressionError],
  'PING within a block': [
    Buffer.concat([frame(headers, 1, 1, REQUEST), frame(ping, 0, 0, Buffer.alloc(8))]),
    ErrorCode.protocolError,
  ],
  'CONTINUATION of another stream': [
    Buffer.concat([frame(headers, 1, 1, REQUEST), frame(continuation, 4, 3)]),
    ErrorCode.protocolError,
  ],
  'CONTINUATION without HEADERS': [frame(continuation, 4, 1), ErrorCode.protocolError],
  'RST_STREAM on an idle stream': [frame(rstStream, 0, 1, u32(8)), ErrorCode.protocolError],
  'RST_STREAM of another length': [
    Buffer.concat([open, frame(rstStream, 0, 1, EMPTY)]),
    ErrorCode.frameSizeError,
  ],
  'SETTINGS of another length': [frame(settings, 0, 0, Buffer.alloc(5)), ErrorCode.frameSizeError],
  'SETTINGS on a stream': [frame(settings, 0, 1), ErrorCode.protocolError],
  'SETTINGS that acknowledge with a payload': [
    frame(settings, 1, 0, setting(1, 1)),
    ErrorCode.frameSizeError,
  ],
  'a second acknowledgement of SETTINGS': [
    Buffer.concat([frame(settings, 1, 0), frame(settings, 1, 0)]),
    ErrorCode.protocolError,
  ],
  'a window beyond 31 bits': [frame(settings, 0, 0, setting(4, 2 ** 31)), ErrorCode.flowControlError],
  'a frame size below the least': [frame(settings, 0, 0, setting(5, 16_383)), ErrorCode.protocolError],
  'push that is neither on nor off': [frame(settings, 0, 0, setting(2, 2)), ErrorCode.protocolError],
  'PING of another length': [frame(ping, 0, 0, Buffer.alloc(7)), ErrorCode.frameSizeError],
  'GOAWAY without its numbers': [frame(FrameType.goaway, 0, 0, Buffer.alloc(7)), ErrorCode.frameSizeError],
  'PUSH_PROMISE of a client': [frame(pushPromise, 4, 1, u32(2)), ErrorCode.protocolError],
  'PRIORITY of another length': [frame(priority, 0, 1, Buffer.alloc(4)), ErrorCode.frameSizeError],
  'WINDOW_UPDATE by nothing': [frame(windowUpdate, 0, 0, u32(0)), ErrorCode.protocolError],
  'WINDOW_UPDATE beyond 31 bits': [frame(windowUpdate, 0, 0, u32(2 ** 31 - 1)), ErrorCode.flowControlError],
  'WINDOW_UPDATE of an idle stream': [frame(windowUpdate, 0, 9, u32(1)), ErrorCode.protocolError],
}

for (const [what, [sent, code]] of Object.entries(CONNECTION_ERRORS))
  test(`${what} ends the connection`, async t => {
    const client = await openHttp2(t)
    client.socket.write(sent)
    assert.equal(await client.goaway(), code)
    await client.closed()
    assert.equal(client.server.requests.length <= 1, true)
  })

test('another first frame than SETTINGS ends the connection, and so does another preface', async t => {
  const ping = await openHttp2(t, { greet: false })
  ping.socket.write(Buffer.concat([Buffer.from(PREFACE), frame(FrameType.ping, 0, 0, Buffer.alloc(8))]))
  assert.equal(await ping.goaway(), ErrorCode.protocolError)
  const http1 = await openHttp2(t, { greet: false })
  http1.socket.write('GET / HTTP/1.1\r\n\r\n')
  assert.equal(await http1.goaway(), ErrorCode.protocolError)
  await http1.closed()
})

const request = (fields: Readonly<Record<string, string>>): Buffer => encodeHeaderBlock(fields)
const PSEUDO = { ':method': 'POST', ':scheme': 'http', ':path': '/' }
/** Requests that are malformed (RFC 9113, section 8.1.1): their stream is reset and the connection goes on. */
const MALFORMED: Readonly<Record<string, Buffer>> = {
  'a capital letter in a name': request({ ...PSEUDO, 'X-a': '1' }),
  'a space in a name': request({ ...PSEUDO, 'x a': '1' }),
  'an empty name': request({ ...PSEUDO, '': '1' }),
  'a line break in a value': request({ ...PSEUDO, x: 'a\nb' }),
  'NUL in a value': request({ ...PSEUDO, x: 'a\0b' }),
  'a value that begins with a space': request({ ...PSEUDO, x: ' a' }),
  'a header of the connection': request({ ...PSEUDO, connection: 'close' }),
  'te with another value': request({ ...PSEUDO, te: 'gzip' }),
  'an unknown pseudo-header': request({ ...PSEUDO, ':protocol': 'websocket' }),
  'a pseudo-header of responses': request({ ...PSEUDO, ':status': '200' }),
  'a pseudo-header after a header': request({ x: '1', ...PSEUDO }),
  'a pseudo-header twice': Buffer.concat([request(PSEUDO), request({ ':path': '/b' })]),
  'an empty path': request({ ...PSEUDO, ':path': '' }),
  'a space in the path': request({ ...PSEUDO, ':path': '/a b' }),
  'a scheme with a space': request({ ...PSEUDO, ':scheme': 'h tp' }),
  'userinfo in the authority': request({ ...PSEUDO, ':authority': 'a@test' }),
  'a method that is no token': request({ ...PSEUDO, ':method': 'PO ST' }),
  'an authority that is not ASCII': request({ ...PSEUDO, ':authority': '\xdd.test' }),
  'no method': request({ ':scheme': 'http', ':path': '/' }),
  'no scheme': request({ ':method': 'POST', ':path': '/' }),
  'no path': request({ ':method': 'POST', ':scheme': 'http' }),
  'a content-length that is no number': request({ ...PSEUDO, 'content-length': '1x' }),
  'two lengths': Buffer.concat([
    request({ ...PSEUDO, 'content-length': '0' }),
    request({ 'content-length': '1' }),
  ]),
  'a length that is not the body': request({ ...PSEUDO, 'content-length': '7' }),
}

for (const [what, block] of Object.entries(MALFORMED))
  test(`${what} resets the stream`, async t => {
    const client = await openHttp2(t)
    client.send(headers, 5, 1, block)
    assert.deepEqual(await client.next(rstStream), [1, u32(ErrorCode.protocolError)])
    client.send(headers, 5, 3, REQUEST)
    assert.deepEqual((await client.next(data))[0], 3)
    assert.equal(client.server.requests.length, 1)
  })

test('a list of headers beyond the limit resets the stream, and the table stays in step', async t => {
  const client = await openHttp2(t)
  // One field of 4,000 bytes enters the table, and indexes repeat it: 17 bytes expand to 68,000.
  const value = Buffer.alloc(4_000, 'v')
  const field = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, ...[0xa1, 0x1e]]), value])
  client.send(headers, 5, 1, Buffer.concat([REQUEST, field, Buffer.alloc(16, 0xbe)]))
  assert.deepEqual(await client.next(rstStream), [1, u32(ErrorCode.enhanceYourCalm)])
  client.send(headers, 5, 3, Buffer.concat([REQUEST, Buffer.from([0xbe])]))
  assert.equal((await client.next(data))[0], 3)
  assert.equal(client.server.requests[0]?.headers.get('x'), value.toString())
})

test('streams beyond the limit are refused while the others are open', async t => {
  const client = await openHttp2(t)
  for (let i = 0; i <= 1024; i++) client.send(headers, 4, 1 + 2 * i, REQUEST)
  assert.deepEqual(await client.next(rstStream), [2049, u32(ErrorCode.refusedStream)])
  // Frames that were under way when the stream was refused are no error.
  client.send(data, 1, 2049, Buffer.from('late'))
  client.send(headers, 5, 2049, REQUEST)
  client.send(data, 1, 1, Buffer.from('a'))
  assert.equal((await client.next(data))[0], 1)
})

test('a response waits for the windows of the stream and of the connection, and goes on with each', async t => {
  const client = await openHttp2(t, { settings: setting(4, 3), response: Buffer.from('0123456789') })
  client.send(headers, 5, 1, REQUEST)
  assert.equal(String((await client.next(data))[1]), '012')
  client.send(windowUpdate, 0, 1, u32(2))
  assert.equal(String((await client.next(data))[1]), '34')
  client.send(settings, 0, 0, setting(4, 6))
  assert.equal(String((await client.next(data))[1]), '567')
  client.send(settings, 0, 0, setting(4, 0))
  client.send(windowUpdate, 0, 1, u32(5))
  await client.roundTrip()
  assert.equal(client.queued(data), 0, 'a window below zero is not open')
  client.send(windowUpdate, 0, 1, u32(9))
  assert.equal(String((await client.next(data))[1]), '89')
})

test('the connection is one window for all streams', async t => {
  const client = await openHttp2(t, { settings: setting(4, 2 ** 31 - 1), response: Buffer.alloc(40_000) })
  client.send(headers, 5, 1, REQUEST)
  client.send(headers, 5, 3, REQUEST)
  await client.roundTrip()
  assert.equal(client.bytesOf(data), 65_535)
  client.send(windowUpdate, 0, 0, u32(20_000))
  await client.roundTrip()
  assert.equal(client.bytesOf(data), 80_000)
})

test('trailers of a request end it, and trailers with a pseudo-header reset it', async t => {
  const client = await openHttp2(t)
  client.send(headers, 4, 1, REQUEST)
  client.send(data, 0, 1, Buffer.from('a'))
  client.send(headers, 5, 1, request({ 'x-checksum': '1' }))
  assert.equal((await client.next(data))[0], 1)
  assert.equal(String(client.server.bodies[0]), 'a')
  client.send(headers, 4, 3, REQUEST)
  client.send(headers, 5, 3, request({ ':path': '/' }))
  assert.deepEqual(await client.next(rstStream), [3, u32(ErrorCode.protocolError)])
})

test('a block may come in several frames, with padding and priority', async t => {
  const client = await openHttp2(t)
  const first = Buffer.concat([
    Buffer.from([3]),
    u32(0),
    Buffer.from([7]),
    REQUEST.subarray(0, 5),
    Buffer.alloc(3),
  ])
  client.send(headers, 0x29, 1, first)
  client.send(continuation, 0, 1, REQUEST.subarray(5, 9))
  client.send(continuation, 4, 1, REQUEST.subarray(9))
  assert.equal((await client.next(data))[0], 1)
  assert.equal(client.server.requests[0]?.headers.path, '/')
})

test('a drain serves what arrives until the client knows of it, and ends after the last response', async t => {
  const client = await openHttp2(t, { response: undefined })
  client.send(headers, 5, 1, REQUEST)
  await client.roundTrip()
  const drained = client.server.drain(10_000)
  assert.equal((await client.nextGoaway()).lastStreamId, 2 ** 31 - 1)
  // Sent before the client read the GOAWAY.
  client.send(headers, 5, 3, REQUEST)
  await client.acknowledgePing()
  assert.equal((await client.nextGoaway()).lastStreamId, 3)
  client.send(headers, 5, 5, REQUEST)
  await client.roundTrip()
  assert.deepEqual(
    client.server.requests.map(one => one.id),
    [1, 3],
  )
  for (const one of client.server.requests)
    one.respond(requestBlock({ ':status': '200' }), Buffer.from('last'))
  await client.closed()
  await drained
  assert.equal(client.bytesOf(data), 8)
})

test('a client that is silent is disconnected', { timeout: 20_000 }, async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let skipped = 0
  const client = await openHttp2(t, { greet: false, now: () => performance.now() + skipped })
  t.mock.timers.tick(1_000)
  await new Promise(resolve => setTimeout(resolve, 20))
  assert.equal(client.socket.destroyed, false)
  skipped = 6_000
  t.mock.timers.tick(1_000)
  await client.closed()
})
