/** Credence's gRPC engine against the conformance tests of HTTP/2 and against other implementations of gRPC. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startGrpcServer } from '../../../src/grpc/engines.ts'
import { createHealth } from '../../../src/grpc/health.ts'
import type { Instant } from '../../../src/lib/time.ts'

const run = promisify(execFile)
const { H2SPEC_BIN = '', GRPC_GO_CLIENT_BIN = '' } = process.env
const skip =
  H2SPEC_BIN === ''
    ? 'needs h2spec and a client of grpc-go, which `npm test` builds where Go is installed'
    : false

async function startEcho(t: { after(done: () => Promise<void>): void }): Promise<string> {
  const server = await startGrpcServer('native', {
    methods: new Map([['/test.Echo/Call', ({ request }) => request]]),
    health: createHealth(() => true, []),
    listen: { host: '127.0.0.1', port: 0 },
    tls: undefined,
    onError: () => {},
    now: () => performance.now() as Instant,
    wall: Date.now,
  })
  t.after(() => server.drain(0))
  return server.address
}

test('h2spec passes as a whole, none of its tests excluded', { skip, timeout: 120_000 }, async t => {
  const [host = '', port = ''] = (await startEcho(t)).split(':')
  const { stdout } = await run(H2SPEC_BIN, ['-h', host, '-p', port, '-o', '2'])
  assert.match(stdout, /^145 tests, 145 passed, 0 skipped, 0 failed$/m)
})

test('grpc-go gets each response whole, while a quarter of its calls are cancelled', {
  skip,
  timeout: 120_000,
}, async t => {
  const target = await startEcho(t)
  const outcomes = async (...args: string[]): Promise<Record<string, number>> => {
    const { stdout } = await run(GRPC_GO_CLIENT_BIN, ['-target', target, '-path', '/test.Echo/Call', ...args])
    return JSON.parse(stdout)
  }
  // A cancelled call may have its response before.
  const small = await outcomes('-workers', '32', '-calls', '200', '-max-bytes', '2000')
  assert.deepEqual(
    Object.keys(small).filter(one => one !== 'cancelled'),
    ['same'],
    JSON.stringify(small),
  )
  assert.equal((small.same ?? 0) >= 4_800, true, JSON.stringify(small))
  const large = await outcomes('-workers', '4', '-calls', '20', '-max-bytes', '1000000')
  assert.deepEqual(
    Object.keys(large).filter(one => one !== 'cancelled'),
    ['same'],
    JSON.stringify(large),
  )
})
