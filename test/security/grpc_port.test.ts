/** S2-9: what whoever reaches the gRPC port can hold there. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { encodeFrame, MAX_MESSAGE_BYTES } from '../../src/grpc/framing.ts'
import { createHealth } from '../../src/grpc/health.ts'
import { startNativeServer } from '../../src/grpc/native.ts'
import { createUnfinishedMessages, type UnfinishedMessage } from '../../src/grpc/unfinished_messages.ts'
import { type Instant, millis } from '../../src/lib/time.ts'
import { waitUntil } from '../support/wait_until.ts'

const CHECK = '/envoy.service.auth.v3.Authorization/Check'
const HEADERS = { ':method': 'POST', ':path': CHECK, 'content-type': 'application/grpc', te: 'trailers' }
const ONE = encodeFrame(Buffer.from([7]))

async function startEngine(
  t: TestContext,
  { maxConnections = 100, skippedMs = (): number => 0, frozen = false } = {},
) {
  const engine = await startNativeServer({
    methods: new Map([[CHECK, ({ request }) => request]]),
    health: createHealth(() => true, []),
    listen: { host: '127.0.0.1', port: 0 },
    tls: undefined,
    maxConnections,
    onError: () => {},
    now: () => (frozen ? 0 : performance.now() + skippedMs()) as Instant,
    wall: Date.now,
  })
  t.after(() => engine.drain(0))
  return engine
}

async function openSession(t: TestContext, address: string): Promise<ClientHttp2Session> {
  const session = connect(`http://${address}`)
  session.on('error', () => {})
  t.after(() => session.destroy())
  await once(session, 'connect')
  return session
}

/** `grpc-status` of the answer; empty where the stream was closed without one. */
async function statusOf(stream: ClientHttp2Stream): Promise<string> {
  let status = ''
  stream.on('response', headers => {
    status = String(headers['grpc-status'] ?? status)
  })
  stream.on('trailers', trailers => {
    status = String(trailers['grpc-status'] ?? status)
  })
  stream.on('error', () => {})
  stream.resume()
  await once(stream, 'close')
  return status
}

async function check(session: ClientHttp2Session): Promise<string> {
  const stream = session.request(HEADERS)
  stream.end(ONE)
  return statusOf(stream)
}

test('S2-9 (G3) unfinished calls hold a bounded number of bytes, and short calls are answered meanwhile', {
  timeout: 20_000,
}, async t => {
  const engine = await startEngine(t)
  const session = await openSession(t, engine.address)
  const other = await openSession(t, engine.address)
  const unfinished = encodeFrame(Buffer.alloc(MAX_MESSAGE_BYTES)).subarray(0, -10)
  let closed = 0
  for (let i = 0; i < 24; i++) {
    const stream = session.request(HEADERS)
    void statusOf(stream).then(() => closed++)
    stream.write(unfinished)
    if (i % 8 === 0) assert.equal(await check(other), '0')
  }
  await waitUntil('the bytes beyond 64 MiB are dropped', () => closed >= 8)
  assert.equal(await check(other), '0')
  assert.equal(closed < 24, true, 'messages below the limit may go on')
})

test('S2-9 a message that does not end in time is abandoned, whether or not it has begun', {
  timeout: 20_000,
}, async t => {
  let skipped = 0
  const engine = await startEngine(t, { skippedMs: () => skipped })
  const session = await openSession(t, engine.address)
  const silent = session.request(HEADERS)
  const begun = session.request(HEADERS)
  begun.write(ONE.subarray(0, 3))
  const ends = [statusOf(silent), statusOf(begun)]
  assert.equal(await check(session), '0')
  skipped = 6_000
  assert.deepEqual(await Promise.all(ends), ['8', '8'])
  assert.equal(await check(session), '0')
})

test('S2-9 a message is rejected by the length in its prefix, before its bytes arrive', {
  timeout: 20_000,
}, async t => {
  const engine = await startEngine(t)
  const session = await openSession(t, engine.address)
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(MAX_MESSAGE_BYTES + 1, 1)
  for (const [start, status] of [
    [prefix, '8'],
    [Buffer.from([1, 0, 0, 0, 9]), '12'],
    [Buffer.concat([ONE, Buffer.alloc(1)]), '13'],
  ] as const) {
    const stream = session.request(HEADERS)
    stream.on('error', () => {})
    stream.write(start)
    const [headers] = await once(stream, 'response')
    assert.equal(headers['grpc-status'], status)
    stream.close()
  }
})

test('S2-9 (G3) connections beyond the limit are closed', { timeout: 20_000 }, async t => {
  const engine = await startEngine(t, { maxConnections: 2 })
  const first = await openSession(t, engine.address)
  const second = await openSession(t, engine.address)
  const [host, port] = engine.address.split(':')
  const third = connectSocket(Number(port), host)
  third.on('error', () => {})
  await once(third, 'close')
  assert.deepEqual([await check(first), await check(second)], ['0', '0'])
})

test('S2-9 (G3) headers of unfinished calls count, and so does each call', async t => {
  // No call ends because its time is over, however busy the machine is.
  const engine = await startEngine(t, { frozen: true })
  const session = await openSession(t, engine.address)
  const other = await openSession(t, engine.address)
  let closed = 0
  const value = 'v'.repeat(60_000)
  for (let i = 0; i < 1_000; i++) {
    const stream = session.request({ ...HEADERS, 'x-large': `${value}${i}` })
    void statusOf(stream).then(() => closed++)
  }
  assert.equal(await check(other), '0')
  // A call counts 66 KB, so that 64 MiB are some 1,010 calls.
  const more = await openSession(t, engine.address)
  for (let i = 0; i < 400; i++) {
    const stream = more.request({ ...HEADERS, 'x-large': `${value}${i}` })
    void statusOf(stream).then(() => closed++)
  }
  await waitUntil('calls beyond the limit are abandoned', () => closed >= 300)
  assert.equal(await check(other), '0')
})

test('S2-9 a health check that watches is open for ever, so their number is bounded', async t => {
  const engine = await startEngine(t)
  const session = await openSession(t, engine.address)
  const watch = { ...HEADERS, ':path': '/grpc.health.v1.Health/Watch' }
  for (let i = 0; i < 1_000; i++) {
    const stream = session.request(watch)
    stream.on('error', () => {})
    stream.end(encodeFrame(Buffer.alloc(0)))
  }
  const stream = session.request(watch)
  stream.end(encodeFrame(Buffer.alloc(0)))
  assert.equal(await statusOf(stream), '8')
  assert.equal(await check(session), '0')
})

test('S2-9 bytes of streams that were reset are released at once', async t => {
  const engine = await startEngine(t)
  const session = await openSession(t, engine.address)
  const unfinished = encodeFrame(Buffer.alloc(MAX_MESSAGE_BYTES)).subarray(0, -10)
  for (let i = 0; i < 24; i++) {
    const stream = session.request(HEADERS)
    const closed = statusOf(stream)
    await new Promise(resolve => stream.write(unfinished, resolve))
    stream.close(constants.NGHTTP2_CANCEL)
    assert.equal(await closed, '', 'no message is dropped, because no more than one is unfinished')
    assert.equal(await check(session), '0')
  }
})

test('S2-9 the greatest message is dropped first, and a removed one counts once', () => {
  const dropped: string[] = []
  const messages = createUnfinishedMessages(() => 0 as Instant, {
    maxBytes: 100,
    timeout: millis(5),
    sweepIntervalMs: 1_000,
  })
  const message = (name: string): UnfinishedMessage => ({
    arrived: 0 as Instant,
    bytes: 0,
    abandon: () => dropped.push(name),
  })
  const [small, great] = [message('small'), message('great')]
  for (const one of [small, great]) messages.add(one)
  messages.grow(great, 70)
  messages.grow(small, 20)
  messages.grow(small, 20)
  assert.deepEqual(dropped, ['great'])
  messages.remove(small)
  messages.remove(small)
  const next = message('next')
  messages.add(next)
  messages.grow(next, 100)
  assert.deepEqual(dropped, ['great'], 'what was removed counts once')
  messages.close()
})
