/** G13: a load above the capacity is denied at once with 503, and the service recovers by itself. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import test, { type TestContext } from 'node:test'
import { createOverloadMonitor } from '../../src/access/overload.ts'
import type { CompiledRule } from '../../src/access/rule.ts'
import { identity } from '../../src/access/session.ts'
import { decisionsRoute } from '../../src/api/decisions.ts'
import { startApiServer } from '../../src/api/server.ts'
import { CHECK_METHOD, createCheckHandler } from '../../src/envoy/check.ts'
import { type EngineName, startGrpcServer } from '../../src/grpc/engines.ts'
import { encodeFrame, PREFIX_BYTES } from '../../src/grpc/framing.ts'
import { createHealth } from '../../src/grpc/health.ts'
import type { Instant } from '../../src/lib/time.ts'
import { decodeResponse, encodeRequest } from '../envoy/reference_codec.ts'
import { waitUntil } from '../support/wait_until.ts'

const now = (): Instant => performance.now() as Instant
const HEADERS = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

/** Decisions that wait until `release` is called, at most `maxInProgress` at a time. */
function createGuarded(maxInProgress: number) {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const rule = {
    id: 'r',
    authenticators: [{ id: 'a', run: () => released.then(() => identity('u')) }],
    steps: [],
    responders: [],
  } as unknown as CompiledRule
  const overload = createOverloadMonitor({ maxInProgress, maxDelayMs: 100, onChange: () => {} })
  const codes: string[] = []
  const snapshot = {
    revision: '1',
    rules: [rule],
    settableHeaders: new Set<string>(),
    fallbackResponders: [],
    find: () => ({ kind: 'found', rule, captures: [] }) as const,
  }
  const shared = {
    snapshot: () => snapshot,
    onDecision: [
      ({ metadata }: { readonly metadata: { readonly code: string } }) => codes.push(metadata.code),
    ],
    now,
    paths: 'strict',
    overload,
  } as const
  return { shared, overload, codes, release }
}

async function openClient(t: TestContext, address: string) {
  const session = connect(`http://${address}`)
  t.after(() => session.destroy())
  await once(session, 'connect')
  return async (path: string, message: Uint8Array): Promise<Buffer> => {
    const stream = session.request({ ...HEADERS, ':path': path })
    stream.end(encodeFrame(message))
    const parts: Buffer[] = []
    for await (const part of stream) parts.push(part as Buffer)
    return Buffer.concat(parts).subarray(PREFIX_BYTES)
  }
}

for (const engine of ['native', 'grpc-js'] as const satisfies readonly EngineName[]) {
  test(`G13 a burst is denied at once with 503, and then admitted again (${engine})`, {
    timeout: 30_000,
  }, async t => {
    const { shared, overload, codes, release } = createGuarded(10)
    const check = createCheckHandler({
      ...shared,
      onError: assert.ifError,
      withSpan: undefined,
      showSubject: subject => subject,
    })
    const server = await startGrpcServer(engine, {
      methods: new Map([[CHECK_METHOD, check]]),
      health: createHealth(() => true, []),
      listen: { host: '127.0.0.1', port: 0 },
      tls: undefined,
      onError: assert.ifError,
      now,
      wall: Date.now,
    })
    t.after(() => server.drain(0))
    const call = await openClient(t, server.address)
    const statusOf = async () =>
      decodeResponse(await call(CHECK_METHOD, encodeRequest({}))).denied_response?.status?.code
    const waiting = Array.from({ length: 10 }, statusOf)
    await waitUntil('ten Checks wait', () => overload.inProgress === 10)
    const burst = await Promise.all(Array.from({ length: 90 }, statusOf))
    assert.deepEqual(new Set(burst), new Set([503]))
    assert.deepEqual(codes, Array(90).fill('overloaded'))
    const health = await call('/grpc.health.v1.Health/Check', Buffer.alloc(0))
    assert.deepEqual([...health], [8, 1], 'health checks are never shed')
    release()
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([undefined]))
    assert.equal(overload.inProgress, 0)
    assert.equal(await statusOf(), undefined, 'admitted again')
  })
}

test('G13 calls of /decisions are shed like Checks, and counted with them', { timeout: 30_000 }, async t => {
  const { shared, overload, codes, release } = createGuarded(3)
  const route = decisionsRoute({
    ...shared,
    isTrustedProxy: () => false,
    directOverrides: new Set(),
    timeoutMs: 10_000,
  })
  const api = await startApiServer({
    host: '127.0.0.1',
    port: 0,
    timeouts: { read: 5_000, write: 20_000, idle: 5_000 },
    routes: [route],
    cors: undefined,
    tls: undefined,
    onError: assert.ifError,
  })
  t.after(() => api.close())
  const ask = () => fetch(`http://${api.address}/decisions/a`, { headers: { connection: 'close' } })
  const waiting = [ask(), ask(), ask()]
  await waitUntil('three calls wait', () => overload.inProgress === 3)
  const shed = await ask()
  assert.deepEqual([shed.status, shed.headers.get('retry-after'), codes], [503, '1', ['overloaded']])
  release()
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200)
  assert.equal((await ask()).status, 200)
  assert.equal(overload.inProgress, 0)
})

/** Feeds a sample each `delayMs` + 20 ms for `forMs`, as a timer of an event loop with this delay does. */
function createLoop(maxDelayMs?: number) {
  const changes: boolean[] = []
  const monitor = createOverloadMonitor({
    maxInProgress: 1,
    maxDelayMs,
    onChange: shedding => changes.push(shedding),
  })
  let time = 0
  const run = (delayMs: number, forMs: number): void => {
    for (const end = time + forMs; time < end; ) {
      time += delayMs + 20
      monitor.sampleDelay(delayMs, time)
    }
  }
  return { monitor, changes, run }
}

test('G13 a late event loop sheds when it lasts, and readiness follows much later', () => {
  const { monitor, changes, run } = createLoop(100)
  run(5_000, 1)
  assert.equal(monitor.overloaded, false, 'one long task is over when it is seen')
  run(0, 40)
  run(150, 600)
  assert.deepEqual([monitor.overloaded, monitor.stalled], [true, false])
  run(80, 10_000)
  assert.deepEqual([monitor.overloaded, monitor.stalled], [true, false], 'between the limits nothing changes')
  run(0, 200)
  assert.deepEqual([monitor.overloaded, monitor.stalled], [false, false])
  run(150, 3_500)
  assert.deepEqual([monitor.overloaded, monitor.stalled], [true, true])
  run(0, 1_000)
  assert.deepEqual([monitor.overloaded, monitor.stalled], [false, true], 'readiness is slow both ways')
  run(0, 2_200)
  assert.deepEqual([monitor.overloaded, monitor.stalled], [false, false])
  assert.deepEqual(changes, [true, false, true, false])
})

test('G13 without a maximum delay nothing is shed for it', () => {
  const { monitor, run } = createLoop()
  run(10_000, 60_000)
  assert.deepEqual([monitor.overloaded, monitor.stalled], [false, false])
})
