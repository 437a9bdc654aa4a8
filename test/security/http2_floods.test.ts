/** G1, G2: floods of HTTP/2 frames end their own connection, memory stays bounded, and other connections are served. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { ErrorCode, FrameType } from '../../src/http2/frames.ts'
import { encodeHttp2Frame as frame } from '../support/http2_frames.ts'
import { openHttp2, REQUEST, requestBlock } from '../support/http2_server.ts'

const { data, headers, priority, rstStream, settings, ping, windowUpdate, continuation } = FrameType
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const repeat = (one: Buffer, count: number): Buffer => Buffer.alloc(one.length * count, one)

/** The clock stands still, so that no frame is earned back while the test sends. */
const frozen = { now: () => 0 }

const open = frame(headers, 4, 1, REQUEST)
/** Each is more than a connection may send at once. */
const FLOODS: Readonly<Record<string, Buffer>> = {
  'PING (CVE-2019-9512)': repeat(frame(ping, 0, 0, Buffer.alloc(8)), 6_000),
  'SETTINGS (CVE-2019-9515)': repeat(frame(settings, 0, 0), 6_000),
  'PRIORITY (CVE-2019-9513)': repeat(frame(priority, 0, 1, Buffer.alloc(5)), 110_000),
  'empty DATA (CVE-2019-9518)': Buffer.concat([open, repeat(frame(data, 0, 1), 6_000)]),
  'DATA that is padding only (CVE-2019-9518)': Buffer.concat([
    open,
    repeat(frame(data, 8, 1, Buffer.from([0])), 6_000),
  ]),
  'WINDOW_UPDATE (CVE-2019-9511)': Buffer.concat([open, repeat(frame(windowUpdate, 0, 1, u32(1)), 110_000)]),
  'RST_STREAM on a closed stream': Buffer.concat([open, repeat(frame(rstStream, 0, 1, u32(8)), 110_000)]),
  'an unknown type of frame': repeat(frame(0x42, 0, 0), 6_000),
  'PING that nobody asked for': repeat(frame(ping, 1, 0, Buffer.alloc(8)), 110_000),
  'requests that are malformed (CVE-2019-9514)': Buffer.concat(
    Array.from({ length: 6_000 }, (_, i) => frame(headers, 5, 1 + 2 * i, requestBlock({ ':path': '' }))),
  ),
  'rapid reset (CVE-2023-44487)': Buffer.concat(
    Array.from({ length: 110_000 }, (_, i) =>
      Buffer.concat([frame(headers, 4, 1 + 2 * i, REQUEST), frame(rstStream, 0, 1 + 2 * i, u32(8))]),
    ),
  ),
  'CONTINUATION (CVE-2024-27316)': Buffer.concat([
    frame(headers, 1, 1, REQUEST),
    repeat(frame(continuation, 0, 1, Buffer.from([0, 1, 0x78, 1, 0x79])), 100_000),
  ]),
  'empty CONTINUATION (CVE-2024-27316)': Buffer.concat([
    frame(headers, 1, 1, REQUEST),
    repeat(frame(continuation, 0, 1), 100_000),
  ]),
}

for (const [what, flood] of Object.entries(FLOODS))
  test(`G2 a flood of ${what} ends its connection`, async t => {
    const client = await openHttp2(t, frozen)
    client.socket.write(flood)
    assert.equal(await client.goaway(), ErrorCode.enhanceYourCalm)
    await client.closed()
    assert.equal(client.server.requests.length, 0)
    assert.equal(await isServed(t, client), true)
  })

test('G2 WINDOW_UPDATE of the connection costs as much as the blocked responses that it tries', {
  timeout: 20_000,
}, async t => {
  const client = await openHttp2(t, frozen)
  const noWindow = Buffer.from([0, 4, 0, 0, 0, 0])
  client.send(settings, 0, 0, noWindow)
  for (let i = 0; i < 500; i++) client.send(headers, 5, 1 + 2 * i, REQUEST)
  client.socket.write(repeat(frame(windowUpdate, 0, 0, u32(1)), 1_000))
  assert.equal(await client.goaway(), ErrorCode.enhanceYourCalm)
  assert.equal(await isServed(t, client), true)
})

/** Whether the server answers another client. */
async function isServed(t: TestContext, { server }: { server: { port: number } }): Promise<boolean> {
  const other = await openHttp2(t, { port: server.port })
  other.send(headers, 5, 1, REQUEST)
  return (await other.next(headers))[0] === 1
}

test('G2 a burst of resets, as Envoy sends when many of its clients leave, does not end the connection', async t => {
  const client = await openHttp2(t, frozen)
  for (let i = 0; i < 20_000; i++) {
    client.send(headers, 4, 1 + 2 * i, REQUEST)
    client.send(rstStream, 0, 1 + 2 * i, u32(8))
  }
  client.send(headers, 5, 40_001, REQUEST)
  assert.equal((await client.next(data))[0], 40_001)
})

test('an HPACK bomb is bounded: 64 KiB of indexes to one field of the table (CVE-2016-6581)', async t => {
  const client = await openHttp2(t)
  const value = Buffer.alloc(4_000, 'v')
  const field = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]), value])
  client.send(headers, 5, 1, Buffer.concat([REQUEST, field]))
  await client.next(data)
  const heap = process.memoryUsage().heapUsed
  for (let i = 1; i <= 200; i++) client.send(headers, 5, 1 + 2 * i, Buffer.alloc(16_000, 0xbe))
  await client.roundTrip()
  assert.equal(client.server.requests.length, 1, 'no such request reaches the handler')
  assert.equal(process.memoryUsage().heapUsed - heap < 50 * 1024 * 1024, true)
  assert.equal(await isServed(t, client), true)
})

test('G2 responses behind a window that stays shut are bounded (CVE-2019-9511, CVE-2019-9517)', async t => {
  const shut = Buffer.concat([Buffer.from([0, 4]), u32(0)])
  const client = await openHttp2(t, { ...frozen, settings: shut, response: Buffer.alloc(100_000) })
  for (let i = 0; i < 200; i++) client.send(headers, 5, 1 + 2 * i, REQUEST)
  assert.equal(await client.goaway(), ErrorCode.enhanceYourCalm)
  await client.closed()
  assert.equal(client.server.requests.length < 100, true, 'the connection ended after 8 MiB')
  assert.equal(await isServed(t, client), true)
})

test('G2 a response that waits too long for a window is reset', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let now = 0
  const shut = Buffer.concat([Buffer.from([0, 4]), u32(0)])
  const client = await openHttp2(t, { now: () => now, settings: shut })
  client.send(headers, 5, 1, REQUEST)
  await client.next(headers)
  now = 29_000
  t.mock.timers.tick(1_000)
  await client.roundTrip()
  assert.equal(client.queued(rstStream), 0)
  now = 31_000
  t.mock.timers.tick(1_000)
  assert.deepEqual(await client.next(rstStream), [1, u32(ErrorCode.cancel)])
})

test('G2 a client that reads nothing is not read from, and others are served', async t => {
  const windows = Buffer.concat([Buffer.from([0, 4]), u32(2 ** 31 - 1)])
  const client = await openHttp2(t, { settings: windows, response: Buffer.alloc(60_000) })
  client.send(windowUpdate, 0, 0, u32(2 ** 30))
  await client.roundTrip()
  client.socket.pause()
  for (let i = 0; i < 2_000; i++) client.send(headers, 5, 1 + 2 * i, REQUEST)
  assert.equal(await isServed(t, client), true)
  await new Promise(resolve => setTimeout(resolve, 200))
  const answered = client.server.requests.length
  assert.equal(answered < 1_500, true, `${answered} of 2,000 were read although no response was`)
  client.socket.resume()
  const [last] = await client.nextOn(data, 3_999)
  assert.equal(last, 3_999, 'all are answered once the client reads again')
})

test('G3 a client that sends a byte at a time holds little, and is served', async t => {
  const client = await openHttp2(t)
  for (const byte of frame(headers, 5, 1, REQUEST)) {
    client.socket.write(Buffer.from([byte]))
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.equal((await client.next(data))[0], 1)
})

test('G2 responses that wait for windows are bounded over all connections', async t => {
  const shut = Buffer.concat([Buffer.from([0, 4]), u32(0)])
  const options = { settings: shut, response: Buffer.alloc(1024 * 1024) }
  const first = await openHttp2(t, options)
  const clients = [first]
  for (let i = 0; i < 11; i++) clients.push(await openHttp2(t, { ...options, port: first.server.port }))
  let open = 0
  for (const client of clients) {
    for (let i = 0; i < 7; i++) client.send(headers, 5, 1 + 2 * i, REQUEST)
    open += await client.roundTrip().then(
      () => 1,
      () => 0,
    )
  }
  assert.equal(open, 9, 'seven responses of a MiB each, on nine connections, are below 64 MiB')
  for (const client of clients) client.socket.destroy()
  const again = await openHttp2(t, { ...options, port: first.server.port })
  again.send(headers, 5, 1, REQUEST)
  await again.roundTrip()
})

test('an error of the handler ends its connection, and no other one', async t => {
  const failing = await openHttp2(t, { response: new Error('a bug') })
  const other = await openHttp2(t, { port: failing.server.port })
  failing.send(headers, 5, 1, REQUEST)
  assert.equal(await failing.goaway(), ErrorCode.internalError)
  await failing.closed()
  assert.deepEqual(failing.server.errors, [new Error('a bug')])
  await other.roundTrip()
})

test('G1 random frames after a valid beginning never stop the server', async t => {
  const first = await openHttp2(t)
  let seed = 20_190_917
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  for (let i = 0; i < 60; i++) {
    const client = await openHttp2(t, { port: first.server.port })
    for (let j = 0; j < 30; j++) {
      const payload = Buffer.from(Array.from({ length: random(40) }, () => random(256)))
      client.send(random(11), random(64), random(12), random(3) === 0 ? REQUEST : payload)
    }
    client.socket.end()
    await Promise.race([client.closed(), once(client.socket, 'end')])
  }
  assert.equal(await isServed(t, first), true)
})
