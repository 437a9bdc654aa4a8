/** Other implementations of gRPC and HTTP/2 as clients: grpcio (the C core), grpc-js, grpc-go, h2load (nghttp2). */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { type EngineName, startGrpcServer } from '../../../src/grpc/engines.ts'
import { createHealth } from '../../../src/grpc/health.ts'
import type { UnaryHandler } from '../../../src/grpc/server.ts'
import type { TlsMaterial } from '../../../src/http/tls.ts'
import type { Instant } from '../../../src/lib/time.ts'
import {
  type CertificateAuthority,
  createCertificateAuthority,
  skipWithoutOpenssl,
} from '../../support/certificates.ts'
import { waitUntil } from '../../support/wait_until.ts'

const run = promisify(execFile)
const { GRPCIO_PATH = '', H2LOAD_BIN = '', GRPC_GO_CLIENT_BIN = '' } = process.env
const without = (found: string, name: string) =>
  found === '' && `needs ${name}, which \`npm test\` installs or builds`
const withoutGrpcio = without(GRPCIO_PATH, "Python's grpcio")
const withoutH2load = without(H2LOAD_BIN, 'h2load')
const withoutGrpcGo = without(GRPC_GO_CLIENT_BIN, 'a client of grpc-go')
for (const reason of [withoutGrpcio, withoutH2load, withoutGrpcGo])
  if (reason !== false) process.stderr.write(`tests: skipping tests of gRPC clients: ${reason}\n`)
const GRPCIO_CLIENT = new URL('./grpcio_client.py', import.meta.url).pathname
const TIMEOUT_MS = 60_000

interface StartedServer {
  readonly address: string
  /** Calls of /test.Echo/Wait that have arrived. */
  readonly waiting: () => number
  /** Those of them whose client has left. */
  readonly left: () => number
}

async function startEcho(t: TestContext, engine: EngineName, material?: TlsMaterial): Promise<StartedServer> {
  let waiting = 0
  let left = 0
  const echo: UnaryHandler = ({ request }) => request
  const wait: UnaryHandler = call => {
    waiting++
    call.onCancel = () => {
      left++
    }
    return new Promise<Buffer>(() => {})
  }
  const server = await startGrpcServer(engine, {
    methods: new Map([
      ['/test.Echo/Call', echo],
      ['/test.Echo/Wait', wait],
    ]),
    health: createHealth(() => true, []),
    listen: { host: '127.0.0.1', port: 0 },
    tls: material && { material, onRenewal: () => {} },
    onError: () => {},
    now: () => performance.now() as Instant,
    wall: Date.now,
  })
  t.after(() => server.drain(0))
  return { address: server.address, waiting: () => waiting, left: () => left }
}

async function runGrpcio(address: string, ...args: string[]): Promise<Record<string, unknown>> {
  const env = { ...process.env, PYTHONPATH: GRPCIO_PATH, GRPC_VERBOSITY: 'NONE' }
  const { stdout } = await run('python3', [GRPCIO_CLIENT, '--target', address, ...args], { env })
  return JSON.parse(stdout)
}

const GRPCIO_OUTCOMES = {
  small: { same: 500 },
  large: { same: 20 },
  cancelled: { CANCELLED: 20 },
  deadline: 'DEADLINE_EXCEEDED',
  missing: 'UNIMPLEMENTED',
  'too large': 'RESOURCE_EXHAUSTED',
  afterwards: 'same',
}

const asBytes = (bytes: Buffer): Buffer => bytes

/** `same` where the response is the request, else the status. `leave` is called with what cancels the call. */
function callEcho(
  client: Client,
  path: string,
  message: Buffer,
  leave: (cancel: () => void) => void = () => {},
): Promise<string> {
  return new Promise(resolve => {
    const done = (error: ServiceError | null, response?: Buffer) => {
      const outcome = response?.equals(message) === true ? 'same' : 'different'
      resolve(error === null ? outcome : (status[error.code] ?? 'unknown'))
    }
    const options = { deadline: Date.now() + 30_000 }
    const call = client.makeUnaryRequest(path, asBytes, asBytes, message, new Metadata(), options, done)
    leave(() => call.cancel())
  })
}

/** 500 calls of grpc-js at once, of which every fourth leaves; then one that leaves after it has arrived. */
async function assertGrpcJsGetsItsResponses(server: StartedServer, client: Client): Promise<void> {
  const outcomes = await Promise.all(
    Array.from({ length: 500 }, (_, i) =>
      i % 4 === 3
        ? callEcho(client, '/test.Echo/Wait', Buffer.from('wait'), cancel => setTimeout(cancel, i % 50))
        : callEcho(client, '/test.Echo/Call', randomBytes(i % 100 === 0 ? 500_000 : (i * 7919) % 4_000)),
    ),
  )
  const count = (outcome: string) => outcomes.filter(one => one === outcome).length
  assert.deepEqual([count('same'), count('CANCELLED')], [375, 125], [...new Set(outcomes)].join())
  const [waiting, left] = [server.waiting(), server.left()]
  const leaving = callEcho(client, '/test.Echo/Wait', Buffer.from('wait'), cancel =>
    waitUntil('the call arrives', () => server.waiting() > waiting).then(cancel),
  )
  assert.equal(await leaving, 'CANCELLED')
  await waitUntil('the server learns that the client has left', () => server.left() > left)
  client.close()
}

async function assertH2loadGetsItsResponses(t: TestContext, url: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-h2load-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const message = Buffer.concat([Buffer.of(0, 0, 0, 0, 100), randomBytes(100)])
  writeFileSync(join(folder, 'message'), message)
  const load = ['-n', '20000', '-c', '8', '-m', '32', '-d', join(folder, 'message')]
  const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers']
  const { stdout } = await run(H2LOAD_BIN, [...load, ...headers, `${url}/test.Echo/Call`])
  assert.match(stdout, /^requests: 20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed/m)
  assert.match(stdout, /^status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx$/m)
  // A response is an echo of 105 bytes; an error has no body.
  assert.match(stdout, /\(2100000\) data$/m)
}

for (const engine of ['native', 'grpc-js'] as const) {
  test(`grpcio gets each response, and leaves, waits and errs as it should (${engine})`, {
    skip: withoutGrpcio,
    timeout: TIMEOUT_MS,
  }, async t => {
    const server = await startEcho(t, engine)
    assert.deepEqual(await runGrpcio(server.address), GRPCIO_OUTCOMES)
    await waitUntil('the server learns that clients have left', () => server.left() > 0)
  })

  test(`grpc-js gets each response, while a quarter of its calls are cancelled (${engine})`, {
    timeout: TIMEOUT_MS,
  }, async t => {
    const server = await startEcho(t, engine)
    await assertGrpcJsGetsItsResponses(server, new Client(server.address, credentials.createInsecure()))
  })

  test(`h2load gets 20,000 responses on 8 connections with 32 streams (${engine})`, {
    skip: withoutH2load,
    timeout: TIMEOUT_MS,
  }, async t => {
    const { address } = await startEcho(t, engine)
    await assertH2loadGetsItsResponses(t, `http://${address}`)
  })
}

describe('over TLS', { skip: skipWithoutOpenssl }, () => {
  let folder = ''
  let authority: CertificateAuthority
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'credence-clients-'))
    authority = createCertificateAuthority(folder)
    authority.issue('server', '/CN=server', 'DNS:credence.test')
    authority.issue('client', '/CN=client')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const material = (mutual: boolean): TlsMaterial => ({
    key: authority.read('server.key'),
    cert: authority.read('server.pem'),
    ...(mutual ? { ca: authority.read('ca.pem') } : {}),
  })
  /** Both grpcio's and grpc-go's client accept flags with two dashes. */
  const files = (mutual: boolean): string[] => [
    ...['--ca', authority.file('ca.pem')],
    ...(mutual ? ['--cert', authority.file('client.pem'), '--key', authority.file('client.key')] : []),
  ]

  for (const [name, mutual] of [
    ['TLS', false],
    ['mutual TLS', true],
  ] as const) {
    test(`grpcio over ${name}`, { skip: withoutGrpcio, timeout: TIMEOUT_MS }, async t => {
      const { address } = await startEcho(t, 'native', material(mutual))
      assert.deepEqual(await runGrpcio(address, ...files(mutual)), GRPCIO_OUTCOMES)
    })

    test(`grpc-go over ${name}`, { skip: withoutGrpcGo, timeout: TIMEOUT_MS }, async t => {
      const { address } = await startEcho(t, 'native', material(mutual))
      const load = ['--target', address, '--path', '/test.Echo/Call', '--calls', '50', '--max-bytes', '5000']
      const { stdout } = await run(GRPC_GO_CLIENT_BIN, [...load, ...files(mutual)])
      const { same = 0, cancelled = 0, ...others } = JSON.parse(stdout)
      // A cancelled call may have its response before.
      assert.deepEqual([same + cancelled, same >= 1_200, others], [1_600, true, {}], stdout)
    })

    test(`grpc-js over ${name}`, { timeout: TIMEOUT_MS }, async t => {
      const server = await startEcho(t, 'native', material(mutual))
      const [key, cert] = mutual ? [authority.read('client.key'), authority.read('client.pem')] : [null, null]
      const client = new Client(server.address, credentials.createSsl(authority.read('ca.pem'), key, cert), {
        'grpc.ssl_target_name_override': 'credence.test',
      })
      await assertGrpcJsGetsItsResponses(server, client)
    })
  }

  test('grpcio without a certificate gets no response over mutual TLS', {
    skip: withoutGrpcio,
    timeout: TIMEOUT_MS,
  }, async t => {
    const { address } = await startEcho(t, 'native', material(true))
    const { small, afterwards } = await runGrpcio(address, ...files(false), '--calls', '5')
    assert.deepEqual([small, afterwards], [{ UNAVAILABLE: 5 }, 'UNAVAILABLE'])
  })

  test('h2load over TLS', { skip: withoutH2load, timeout: TIMEOUT_MS }, async t => {
    const { address } = await startEcho(t, 'native', material(false))
    await assertH2loadGetsItsResponses(t, `https://${address}`)
  })
})
