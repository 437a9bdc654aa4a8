/** A client that leaves causes no calls of services that have not begun. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Stream, connect, constants } from 'node:http2'
import test, { type TestContext } from 'node:test'
import type { HttpResponse, OutgoingRequest } from '../../../src/clients/http/message.ts'
import { CHECK_METHOD, createCheckHandler } from '../../../src/envoy/check.ts'
import { type EngineName, startGrpcServer } from '../../../src/grpc/engines.ts'
import { encodeFrame } from '../../../src/grpc/framing.ts'
import { createHealth } from '../../../src/grpc/health.ts'
import type { Instant } from '../../../src/lib/time.ts'
import { encodeRequest } from '../../envoy/reference_codec.ts'
import { createCheckHarness } from '../../support/check_harness.ts'
import { waitUntil } from '../../support/wait_until.ts'

const RULES = `
- id: remote
  match: { url: "https://app.example.com/remote/<.*>", methods: [GET] }
  authenticators: [{ handler: noop }]
  authorizers:
  - { handler: remote, config: { remote: "http://first/" } }
  - { handler: remote, config: { remote: "http://second/" } }
- id: tokens
  match: { url: "https://app.example.com/tokens/<.*>", methods: [GET] }
  authenticators:
  - { handler: oauth2_introspection, config: { introspection_url: "http://tokens/", cache: { enabled: true } } }
  authorizer: { handler: allow }
`
/** One call of each service at a time. */
const CONFIG = `
sessions: { max_concurrent_requests: 1 }
authenticators: { noop: { enabled: true }, oauth2_introspection: { enabled: true } }
authorizers: { remote: { enabled: true }, allow: { enabled: true } }
`
/** Only a failure takes so long: an unanswered Check would hang the test. */
const TIMEOUT_MS = 30_000
const now = () => performance.now() as Instant

/** Checks over a socket, whose services answer when the test says so. */
async function setup(t: TestContext, engine: EngineName) {
  const pending: { readonly host: string; readonly respond: () => void }[] = []
  const hosts: string[] = []
  const harness = await createCheckHarness({
    config: CONFIG,
    rules: RULES,
    send(request: OutgoingRequest) {
      const { host } = new URL(request.url)
      const { promise, resolve } = Promise.withResolvers<HttpResponse>()
      const body = JSON.stringify({ active: true, sub: 'alice' })
      hosts.push(host)
      pending.push({ host, respond: () => resolve({ kind: 'answered', status: 200, headers: [], body }) })
      return promise
    },
  })
  const onError = (error: unknown) => assert.fail(String(error))
  const handler = createCheckHandler({
    snapshot: () => harness.snapshot,
    onDecision: [],
    onError: (_where, error) => onError(error),
    now,
    paths: 'strict',
    overload: { overloaded: false, inProgress: 0 },
    withSpan: undefined,
    showSubject: subject => subject,
  })
  const arrived: string[] = []
  const server = await startGrpcServer(engine, {
    methods: new Map([
      [
        CHECK_METHOD,
        call => {
          arrived.push('')
          return handler(call)
        },
      ],
    ]),
    health: createHealth(() => true, []),
    listen: { host: '127.0.0.1', port: 0 },
    tls: undefined,
    onError,
    now,
    wall: Date.now,
  })
  const session = connect(`http://${server.address}`)
  await once(session, 'connect')
  t.after(async () => {
    session.destroy()
    await server.drain(0)
  })
  const headers = {
    ':method': 'POST',
    ':path': CHECK_METHOD,
    'content-type': 'application/grpc',
    te: 'trailers',
  }
  return {
    hosts,
    /** Resolves when the Check has arrived. */
    async check(path: string): Promise<ClientHttp2Stream> {
      const before = arrived.length
      const stream = session.request(headers)
      stream.on('error', () => {})
      const request = { path, headers: { authorization: 'Bearer one' } }
      stream.end(encodeFrame(encodeRequest(request)))
      await waitUntil('the Check arrives', () => arrived.length > before)
      return stream
    },
    /** Resolves when the server has read the reset, which precedes the ping on the connection. */
    async leave(stream: ClientHttp2Stream): Promise<void> {
      stream.close(constants.NGHTTP2_CANCEL)
      await once(stream, 'close')
      await new Promise(resolve => session.ping(resolve))
    },
    async respond(): Promise<void> {
      await waitUntil('a service is called', () => pending.length > 0)
      pending.shift()?.respond()
      await new Promise(setImmediate)
    },
  }
}

const responseOf = async (stream: ClientHttp2Stream): Promise<number> => {
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await once(stream, 'end')
  return bytes
}

for (const engine of ['native', 'grpc-js'] as const) {
  test(`S2-3: a Check that its client cancels makes no further call (${engine})`, {
    timeout: TIMEOUT_MS,
  }, async t => {
    const { hosts, check, leave, respond } = await setup(t, engine)
    const stream = await check('/remote/a')
    await leave(stream)
    await respond()
    const other = await check('/remote/b')
    const response = responseOf(other)
    await respond()
    await respond()
    assert.ok((await response) > 0)
    assert.deepEqual(hosts, ['first', 'first', 'second'])
  })

  test(`S2-3: a cancelled Check leaves the queue of a busy service (${engine})`, {
    timeout: TIMEOUT_MS,
  }, async t => {
    const { hosts, check, leave, respond } = await setup(t, engine)
    await check('/remote/a')
    for (let i = 0; i < 3; i++) await leave(await check('/remote/gone'))
    const other = await check('/remote/b')
    await respond()
    const response = responseOf(other)
    for (let i = 0; i < 3; i++) await respond()
    assert.ok((await response) > 0)
    assert.deepEqual(hosts.sort(), ['first', 'first', 'second', 'second'])
  })

  test(`S2-3: a call that another Check waits for goes on (${engine})`, { timeout: TIMEOUT_MS }, async t => {
    const { hosts, check, leave, respond } = await setup(t, engine)
    await check('/tokens/a')
    const gone = await check('/tokens/a')
    const other = await check('/tokens/a')
    await leave(gone)
    const response = responseOf(other)
    await respond()
    assert.ok((await response) > 0)
    assert.deepEqual(hosts, ['tokens'])
  })
}
