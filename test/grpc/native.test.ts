/** Credence’s own engine, called without a gRPC library: requests that are no calls, calls that end early, calls that never end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeFrame } from '../../src/grpc/framing.ts'
import { createHealth } from '../../src/grpc/health.ts'
import { startNativeServer } from '../../src/grpc/native.ts'
import type { GrpcServer, UnaryCall, UnaryHandler } from '../../src/grpc/server.ts'
import type { TlsIdentity } from '../../src/http/tls.ts'
import type { Instant } from '../../src/lib/time.ts'
import { createCertificateAuthority, skipWithoutOpenssl } from '../support/certificates.ts'

const CHECK = '/envoy.service.auth.v3.Authorization/Check'
const calls: UnaryCall[] = []
let check: UnaryHandler = ({ request }) => request

const start = (tls?: TlsIdentity): Promise<GrpcServer> =>
  startNativeServer({
    methods: new Map([
      [
        CHECK,
        call => {
          calls.push(call)
          return check(call)
        },
      ],
    ]),
    health: createHealth(() => true, []),
    listen: { host: '127.0.0.1', port: 0 },
    tls,
    onError: () => {},
    now: () => performance.now() as Instant,
    wall: Date.now,
  })

let engine: GrpcServer
let session: ClientHttp2Session
before(async () => {
  engine = await start()
  session = await openSession(engine)
})
after(async () => {
  session.destroy()
  await engine.drain(0)
})

async function openSession({ address }: GrpcServer): Promise<ClientHttp2Session> {
  const opened = connect(`http://${address}`)
  opened.on('error', () => {})
  await once(opened, 'connect')
  return opened
}

const HEADERS = { ':method': 'POST', ':path': CHECK, 'content-type': 'application/grpc', te: 'trailers' }

interface StreamResult {
  readonly http: number
  readonly grpc: string
  readonly body: number[]
}

/** What the server sent, also when the stream was reset. */
async function readResult(stream: ClientHttp2Stream): Promise<StreamResult> {
  let http = 0
  let grpc = ''
  const chunks: Buffer[] = []
  const read = (headers: OutgoingHttpHeaders) => {
    grpc = String(headers['grpc-status'] ?? grpc)
  }
  stream.on('response', headers => {
    http = headers[':status'] ?? 0
    read(headers)
  })
  stream.on('trailers', read)
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('error', () => {})
  await once(stream, 'close')
  return { http, grpc, body: [...Buffer.concat(chunks)] }
}

function callCheck(body: Buffer, headers: OutgoingHttpHeaders = {}): Promise<StreamResult> {
  const stream = session.request({ ...HEADERS, ...headers })
  const end = readResult(stream)
  stream.end(body)
  return end
}

const ONE = encodeFrame(Buffer.from([7]))
const SUCCESS: StreamResult = { http: 200, grpc: '0', body: [...ONE] }

test('a call is answered with one message, and its status in the trailers', async () => {
  assert.deepEqual(await callCheck(ONE), SUCCESS)
})

test('a request that is not a gRPC call gets an HTTP status, and no handler runs', async () => {
  const before = calls.length
  assert.equal((await callCheck(ONE, { ':method': 'PUT' })).http, 405)
  assert.equal((await callCheck(ONE, { 'content-type': 'application/json' })).http, 415)
  assert.equal((await callCheck(ONE, { ':path': '/' })).grpc, '12')
  assert.equal(calls.length, before)
})

test('two messages, none, and half of one are rejected', async () => {
  const before = calls.length
  for (const body of [Buffer.concat([ONE, ONE]), Buffer.alloc(0), ONE.subarray(0, 5)])
    assert.deepEqual(await callCheck(body), { http: 200, grpc: '13', body: [] })
  assert.equal(calls.length, before)
})

test('a timeout that is malformed is rejected, as by other gRPC servers', async () => {
  const before = calls.length
  for (const timeout of ['57', '1h', '123456789S', '-1S'])
    assert.equal((await callCheck(ONE, { 'grpc-timeout': timeout })).grpc, '13', timeout)
  assert.equal(calls.length, before)
  assert.deepEqual(await callCheck(ONE, { 'grpc-timeout': '5S' }), SUCCESS)
  assert.deepEqual(await callCheck(ONE), SUCCESS)
})

test('a message is joined from its chunks', async () => {
  const large = encodeFrame(Buffer.alloc(3_900_000, 5))
  const { grpc, body } = await callCheck(large)
  assert.equal(grpc, '0')
  assert.equal(body.length, large.length)
})

test('a body that goes on after its message is rejected once, and no handler runs (G4)', async () => {
  const before = calls.length
  const stream = session.request(HEADERS)
  const end = readResult(stream)
  // The longest body that is accepted.
  stream.write(encodeFrame(Buffer.alloc(4 * 1024 * 1024)))
  await sleep(50)
  stream.end(Buffer.alloc(10))
  assert.equal((await end).grpc, '13')
  assert.equal(calls.length, before)
  assert.deepEqual(await callCheck(ONE), SUCCESS)
})

test('a client that resets its stream gets no answer, and other calls go on', async () => {
  let answer = (_bytes: Buffer) => {}
  check = () =>
    new Promise(resolve => {
      answer = resolve
    })
  const before = calls.length
  const stream = session.request(HEADERS)
  const end = readResult(stream)
  stream.end(ONE)
  while (calls.length === before) await sleep(5)
  check = ({ request }) => request
  stream.close(constants.NGHTTP2_CANCEL)
  await end
  await callCheck(ONE)
  answer(Buffer.from([1]))
  assert.deepEqual(await callCheck(ONE), SUCCESS)
})

test('thousands of reset streams do not close the connection that all Checks share (G2)', async () => {
  check = () => new Promise(() => {})
  for (let i = 0; i < 3_000; i++) {
    const stream = session.request(HEADERS)
    stream.on('error', () => {})
    stream.end(ONE)
    stream.close(constants.NGHTTP2_CANCEL)
    if (i % 100 === 99) await sleep(1)
  }
  check = ({ request }) => request
  assert.deepEqual(await callCheck(ONE), SUCCESS)
  assert.equal(session.closed, false)
})

test('a drain closes idle connections and rejects later calls', async () => {
  const own = await start()
  const client = await openSession(own)
  const goaway = once(client, 'goaway')
  await own.drain(60_000)
  assert.equal((await goaway)[0], constants.NGHTTP2_NO_ERROR)
  await assert.rejects(openSession(own))
})

test('a call whose message never ends is closed after the drain timeout', async () => {
  const own = await start()
  const client = await openSession(own)
  const stream = client.request(HEADERS)
  const end = readResult(stream)
  stream.write(ONE.subarray(0, 3))
  await sleep(20)
  await own.drain(50)
  assert.notEqual((await end).grpc, '0')
})

test('a peer that does not answer pings is disconnected, another one is not', {
  timeout: 20_000,
}, async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const own = await start()
  t.after(() => own.drain(0))
  const there = await openSession(own)
  const [host, port] = own.address.split(':')
  // Sends the preface and SETTINGS of HTTP/2, and answers no PING.
  const gone = connectSocket(Number(port), host)
  gone.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  gone.write(Buffer.from('000000040000000000', 'hex'))
  gone.resume()
  await once(gone, 'data')
  t.mock.timers.tick(60_000)
  await sleep(50)
  assert.equal(gone.destroyed, false)
  const ended = once(gone, 'close')
  t.mock.timers.tick(60_000)
  await ended
  assert.equal(there.closed, false)
})

test('a client that does not complete its TLS handshake does not delay a drain', {
  skip: skipWithoutOpenssl,
  timeout: 30_000,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-handshake-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const authority = createCertificateAuthority(folder)
  authority.issue('one', '/CN=one', 'DNS:credence.test')
  const material = { key: authority.read('one.key'), cert: authority.read('one.pem') }
  const own = await start({ material, onRenewal: () => {} })
  const [host, port] = own.address.split(':')
  const silent = connectSocket(Number(port), host)
  silent.on('error', () => {})
  await once(silent, 'connect')
  await own.drain(50)
  if (!silent.destroyed) await once(silent, 'close')
})
