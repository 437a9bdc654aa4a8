/** Both gRPC engines over real sockets: health, drain, hostile bytes, Unix sockets. */
import assert from 'node:assert/strict'
import { existsSync, linkSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { type EngineName, startGrpcServer } from '../../src/grpc/engines.ts'
import { createHealth, type HealthPublisher } from '../../src/grpc/health.ts'
import type { GrpcServer, GrpcServerDependencies, UnaryCall, UnaryHandler } from '../../src/grpc/server.ts'
import type { Instant } from '../../src/lib/time.ts'

const CHECK = '/envoy.service.auth.v3.Authorization/Check'
const folder = mkdtempSync(join(tmpdir(), 'credence-grpc-'))
after(() => rmSync(folder, { recursive: true }))

interface ServerFixture {
  readonly engine: GrpcServer
  readonly calls: UnaryCall[]
  readonly health: HealthPublisher
  setReady(ready: boolean): void
}

const opened: GrpcServer[] = []
after(() => Promise.all(opened.map(engine => engine.drain(0))))

async function openFixture(
  name: EngineName,
  check: UnaryHandler = call => call.request,
  listen: GrpcServerDependencies['listen'] = { host: '127.0.0.1', port: 0 },
): Promise<ServerFixture> {
  const calls: UnaryCall[] = []
  let ready = true
  const health = createHealth(() => ready, ['envoy.service.auth.v3.Authorization'])
  const engine = await startGrpcServer(name, {
    methods: new Map([
      [
        CHECK,
        call => {
          calls.push(call)
          return check(call)
        },
      ],
    ]),
    health,
    listen,
    tls: undefined,
    onError: () => {},
    now: () => performance.now() as Instant,
    wall: Date.now,
  })
  opened.push(engine)
  return {
    engine,
    calls,
    health,
    setReady(now) {
      ready = now
      health.notifyChanged()
    },
  }
}

const same = (bytes: Buffer): Buffer => bytes
const clientOf = ({ engine }: ServerFixture) => new Client(engine.address, credentials.createInsecure())

function callMethod(
  client: Client,
  path: string,
  bytes: Buffer,
  deadline = 10_000,
  metadata = new Metadata(),
) {
  return new Promise<{ code: number; bytes: Buffer }>(resolve => {
    const done = (error: ServiceError | null, answer?: Buffer) =>
      resolve({ code: error?.code ?? 0, bytes: answer ?? Buffer.alloc(0) })
    client.makeUnaryRequest(path, same, same, bytes, metadata, { deadline: Date.now() + deadline }, done)
  })
}

const SERVING = [0x08, 1]
const NOT_SERVING = [0x08, 2]
const health = (service: string): Buffer =>
  Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)])

const portOf = ({ engine }: ServerFixture) => Number(engine.address.split(':').at(-1))

/** What the server sends until the connection ends or is idle. */
function sendBytes(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(300, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
}

const HOSTILE: Readonly<Record<string, Buffer>> = {
  'random bytes': Buffer.from(Array.from({ length: 4_000 }, (_, i) => (i * 7919) % 256)),
  'a request of HTTP/1.1': Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
  'a TLS hello': Buffer.from('16030100a5010000a10303', 'hex'),
  'a preface and a frame of garbage': Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    Buffer.alloc(200, 0xff),
  ]),
}

for (const name of ['native', 'grpc-js'] as const)
  describe(`the engine on ${name}`, () => {
    let fixture: ServerFixture
    before(async () => {
      fixture = await openFixture(name)
    })

    test('a handler gets the message as bytes, the deadline on the monotonic clock and the metadata', async () => {
      const client = clientOf(fixture)
      const metadata = new Metadata()
      metadata.set('x-request-id', 'r1')
      const before = performance.now()
      const { code, bytes } = await callMethod(client, CHECK, Buffer.from([1, 2, 3]), 5_000, metadata)
      client.close()
      assert.deepEqual([code, [...bytes]], [0, [1, 2, 3]])
      const call = fixture.calls.at(-1)
      assert.equal(call?.metadata.get('x-request-id'), 'r1')
      assert.ok((call?.deadline ?? 0) > before + 1_000 && (call?.deadline ?? 0) < before + 6_000)
    })

    test('grpc.health.v1 follows readiness, for the server and for its service', async () => {
      const client = clientOf(fixture)
      const of = async (service: string) => {
        const { code, bytes } = await callMethod(client, '/grpc.health.v1.Health/Check', health(service))
        return code === 0 ? [...bytes] : code
      }
      assert.deepEqual(await of(''), SERVING)
      assert.deepEqual(await of('envoy.service.auth.v3.Authorization'), SERVING)
      assert.equal(await of('another.Service'), status.NOT_FOUND)
      fixture.setReady(false)
      assert.deepEqual(await of(''), NOT_SERVING)
      fixture.setReady(true)
      client.close()
    })

    test('no other method exists: no reflection, no method without a name (I10)', async () => {
      const client = clientOf(fixture)
      const before = fixture.calls.length
      const paths = ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', `${CHECK}s`, '/Check', '/']
      for (const path of paths)
        assert.equal((await callMethod(client, path, Buffer.alloc(0))).code, status.UNIMPLEMENTED, path)
      assert.equal(fixture.calls.length, before)
      client.close()
    })

    test('a watcher gets every change, and does not delay a drain', async () => {
      const own = await openFixture(name)
      const client = clientOf(own)
      const responses: number[][] = []
      const stream = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, health(''))
      const ended = new Promise(resolve => stream.on('end', resolve))
      stream.on('data', (bytes: Buffer) => responses.push([...bytes]))
      stream.on('error', () => {})
      await new Promise(resolve => stream.once('data', resolve))
      own.setReady(false)
      await own.engine.drain(60_000)
      await ended
      assert.deepEqual(responses, [SERVING, NOT_SERVING])
      client.close()
    })

    test('a drain answers the Checks that have arrived', async () => {
      let arrived = () => {}
      const there = new Promise<void>(resolve => {
        arrived = resolve
      })
      let answer = (_bytes: Buffer) => {}
      const own = await openFixture(name, () => {
        arrived()
        return new Promise<Buffer>(resolve => {
          answer = resolve
        })
      })
      const client = clientOf(own)
      const pending = callMethod(client, CHECK, Buffer.from([1]))
      await there
      const drained = own.engine.drain(60_000)
      answer(Buffer.from([7]))
      assert.deepEqual([...(await pending).bytes], [7])
      await drained
      client.close()
    })

    test('a drain closes calls that are not answered within its timeout', async () => {
      let arrived = () => {}
      const there = new Promise<void>(resolve => {
        arrived = resolve
      })
      const own = await openFixture(name, () => {
        arrived()
        return new Promise<Buffer>(() => {})
      })
      const client = clientOf(own)
      // The client of grpc-js retries on a new connection until its deadline.
      const pending = callMethod(client, CHECK, Buffer.from([1]), 500)
      await there
      await own.engine.drain(50)
      assert.notEqual((await pending).code, 0)
      client.close()
    })

    for (const [what, bytes] of Object.entries(HOSTILE)) {
      test(`${what} affect no other connection (G1)`, async () => {
        const before = fixture.calls.length
        await sendBytes(portOf(fixture), bytes)
        const client = clientOf(fixture)
        assert.equal((await callMethod(client, CHECK, Buffer.from([1]))).code, 0)
        assert.equal(fixture.calls.length, before + 1)
        client.close()
      })
    }

    test('a message that is too large is rejected before the handler runs (G4)', async () => {
      const before = fixture.calls.length
      const client = clientOf(fixture)
      const { code } = await callMethod(client, CHECK, Buffer.alloc(5 * 1024 * 1024))
      assert.equal(code, status.RESOURCE_EXHAUSTED)
      assert.equal(fixture.calls.length, before)
      client.close()
    })

    test('a compressed message is rejected, or its uncompressed size counts (G4)', async () => {
      const packed = gzipSync(Buffer.alloc(64 * 1024 * 1024))
      const head = Buffer.alloc(5)
      head[0] = 1
      head.writeUInt32BE(packed.length, 1)
      const before = fixture.calls.length
      const session = connectHttp2(`http://${fixture.engine.address}`)
      session.on('error', () => {})
      const stream = session.request({
        ':method': 'POST',
        ':path': CHECK,
        'content-type': 'application/grpc',
        'grpc-encoding': 'gzip',
        te: 'trailers',
      })
      const grpcStatus = await new Promise<string>(resolve => {
        stream.on('response', headers => headers['grpc-status'] && resolve(String(headers['grpc-status'])))
        stream.on('trailers', trailers => resolve(String(trailers['grpc-status'])))
        stream.on('error', error => resolve(error.message))
        stream.on('close', () => resolve('closed'))
        stream.end(Buffer.concat([head, packed]))
        stream.resume()
      })
      session.destroy()
      assert.equal(grpcStatus, String(name === 'native' ? status.UNIMPLEMENTED : status.RESOURCE_EXHAUSTED))
      assert.equal(fixture.calls.length, before)
    })

    test('the server survives a burst of streams that are reset at once (G2)', async () => {
      const session = connectHttp2(`http://${fixture.engine.address}`)
      session.on('error', () => {})
      for (let i = 0; i < 500 && !session.destroyed; i++) {
        const stream = session.request({
          ':method': 'POST',
          ':path': CHECK,
          'content-type': 'application/grpc',
        })
        stream.on('error', () => {})
        stream.close(constants.NGHTTP2_CANCEL)
      }
      await new Promise(resolve => setImmediate(resolve))
      session.destroy()
      const client = clientOf(fixture)
      assert.equal((await callMethod(client, CHECK, Buffer.from([1]))).code, 0)
      client.close()
    })

    test('a Unix socket is for its owner and group, and replaces a stale one', async () => {
      const socket = join(folder, `${name}.sock`)
      const first = await openFixture(name, undefined, { socket })
      assert.equal(first.engine.address, `unix:${socket}`)
      assert.equal(statSync(socket).mode & 0o777, 0o660)
      const client = clientOf(first)
      assert.equal((await callMethod(client, CHECK, Buffer.from([1]))).code, 0)
      client.close()
      await assert.rejects(openFixture(name, undefined, { socket }), /served by another process/)
      await first.engine.drain(1_000)
      // A killed process leaves its socket file like this.
      const left = createServer().listen(socket)
      await new Promise(resolve => left.once('listening', resolve))
      const kept = `${socket}.kept`
      linkSync(socket, kept)
      await new Promise(resolve => left.close(resolve))
      renameSync(kept, socket)
      const second = await openFixture(name, undefined, { socket })
      const again = clientOf(second)
      assert.equal((await callMethod(again, CHECK, Buffer.from([1]))).code, 0)
      again.close()
    })

    test('a file that is not a socket is not removed', async () => {
      const file = join(folder, 'precious.txt')
      writeFileSync(file, 'x')
      await assert.rejects(openFixture(name, undefined, { socket: file }), /is not a socket/)
      assert.ok(existsSync(file))
    })
  })

test('grpc-js does not start where a certificate is configured, instead of ignoring it', async () => {
  const material = { key: Buffer.alloc(0), cert: Buffer.alloc(0) }
  const starting = startGrpcServer('grpc-js', {
    methods: new Map(),
    health: createHealth(() => true, []),
    listen: { host: '127.0.0.1', port: 0 },
    tls: { material, onRenewal: () => {} },
    onError: () => {},
    now: () => performance.now() as Instant,
    wall: Date.now,
  })
  await assert.rejects(starting, /does not support TLS/)
})
