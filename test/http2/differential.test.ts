/**
 * The same mutated bytes for both gRPC engines: Credence's own answers OK only where grpc-js does, keeps serving, and does
 * not grow. `CREDENCE_FUZZ_SECONDS` sets the time, `CREDENCE_FUZZ_SEED` the seed. `corpus.jsonl` has one input for each
 * outcome that the search has found; `CREDENCE_GOLDEN=write` searches anew and writes it.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startGrpcServer } from '../../src/grpc/engines.ts'
import { createHealth } from '../../src/grpc/health.ts'
import type { GrpcServer } from '../../src/grpc/server.ts'
import type { HeaderField } from '../../src/http2/header_field.ts'
import { HpackDecoder } from '../../src/http2/hpack_decoder.ts'
import type { Instant } from '../../src/lib/time.ts'
import { HttpFrames } from '../support/http2_frames.ts'
import {
  createRandom,
  encodeCall,
  framesOf,
  LAST_PING,
  mutateBytes,
  mutateFrames,
  PATH,
  type Random,
  validCall,
} from './mutated_calls.ts'

const seconds = Number(process.env.CREDENCE_FUZZ_SECONDS ?? 8)
const seed = Number(process.env.CREDENCE_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const CONCURRENCY = 16
const CORPUS = new URL('./corpus.jsonl', import.meta.url)
const MAX_GROWTH_BYTES = 8 * 2 ** 20

interface Outcome {
  /** Number of calls answered with OK. */
  readonly ok: number
  /** Distinct events of the connection in their order: statuses, RST_STREAM and GOAWAY with their codes. */
  readonly events: string
}

/**
 * Sends the bytes to the server at `address`. Resolves when it has answered `expected` calls or the last PING, when the
 * connection is closed, or after `waitMs`.
 */
async function send(address: string, bytes: Buffer, expected: number, waitMs: number): Promise<Outcome> {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host)
  const frames = new HttpFrames(socket)
  const decoder = new HpackDecoder()
  const events = new Set<string>()
  let ok = 0
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, waitMs)
    const finish = () => {
      clearTimeout(timer)
      resolve()
    }
    frames.onBlock = block => {
      const add = ({ name, value }: HeaderField): void => {
        if (name === ':status' || name === 'grpc-status') events.add(`${name} ${value}`)
        if (name === 'grpc-status' && value === '0') ok++
      }
      decoder.decode(block, 0, block.length, { add })
      if (ok >= expected) finish()
    }
    // Credence's engine answers in the order of the frames, so nothing follows the answer to the last PING.
    frames.onFrame = ({ type, payload }) => {
      if (type === 3) events.add(`RST_STREAM ${payload.readUInt32BE(0)}`)
      if (type === 7) {
        events.add(`GOAWAY ${payload.readUInt32BE(4)}`)
        // The connection ends after an answer: grpc-js may not have answered until then.
        ok = 0
      }
      if (type === 6 && payload.equals(LAST_PING) && expected === Number.POSITIVE_INFINITY) finish()
    }
    socket.on('close', finish)
    socket.on('connect', () => socket.write(bytes))
  })
  socket.destroy()
  return { ok, events: [...events].join(', ') }
}

/** A mutated call, or undefined where the engines may differ. */
function createInput(random: Random): Buffer | undefined {
  const pieces = validCall(random)
  let bytes: Buffer
  if (random(3) === 0) bytes = mutateBytes(encodeCall(pieces), random)
  else {
    mutateFrames(pieces, random)
    bytes = encodeCall(pieces)
  }
  // gRPC does not demand this field, and grpc-js does. Node ends a connection for an acknowledgement that it did not
  // ask for, and RFC 9113 does not demand that. After a client's GOAWAY, grpc-js drops the calls that it has received.
  const mayDiffer = ({ type, flags }: { readonly type: number; readonly flags: number }) =>
    (type === 6 && flags % 2 === 1) || type === 7
  return bytes.includes(':authority') && !framesOf(bytes).frames.some(mayDiffer) ? bytes : undefined
}

/** Without an unfinished frame at the end: grpc-js ends a connection at the header of a wrong frame, the own engine at its end. */
const wholeFrames = (bytes: Buffer): Buffer => bytes.subarray(0, framesOf(bytes).length)

const describeOk = (ours: number, theirs: number, bytes: Buffer): string =>
  `OK ${ours} times where grpc-js answers ${theirs} times: ${bytes.toString('hex')}`

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Size of the heap without garbage, bytes. */
async function heapBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage()
    await new Promise(resolve => setImmediate(resolve))
  }
  return process.memoryUsage().heapUsed
}

describe('both engines with the same bytes', () => {
  const errors: unknown[] = []
  let native: GrpcServer
  let reference: GrpcServer
  before(async () => {
    const start = (name: 'native' | 'grpc-js') =>
      startGrpcServer(name, {
        methods: new Map([[PATH, ({ request }) => request]]),
        health: createHealth(() => true, []),
        listen: { host: '127.0.0.1', port: 0 },
        tls: undefined,
        onError: error => errors.push(error),
        now: () => performance.now() as Instant,
        wall: Date.now,
      })
    native = await start('native')
    reference = await start('grpc-js')
  })
  after(() => Promise.all([native?.drain(0), reference?.drain(0)]))

  test('each input of the corpus has its outcome, and OK only where grpc-js answers OK', {
    timeout: 120_000,
    skip: process.env.CREDENCE_GOLDEN === 'write' && 'the corpus is written',
  }, async () => {
    const corpus = readFileSync(CORPUS, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as { readonly events: string; readonly bytes: string })
    assert.ok(corpus.length >= 20)
    for (const { events, bytes } of corpus) {
      const input = Buffer.from(bytes, 'hex')
      const ours = await send(native.address, input, Number.POSITIVE_INFINITY, 3_000)
      assert.equal(ours.events, events, bytes)
      if (ours.ok === 0) continue
      const theirs = await send(reference.address, wholeFrames(input), ours.ok, 3_000)
      assert.ok(ours.ok <= theirs.ok, describeOk(ours.ok, theirs.ok, input))
    }
    assert.deepEqual(errors, [], 'no error within the server')
  })

  test(`mutated calls get OK only where grpc-js answers OK (seed ${seed}, ${seconds} s)`, {
    timeout: (seconds + 60) * 1000,
  }, async t => {
    const random = createRandom(seed)
    const found = new Map<string, Buffer>()
    let [runs, bothOk] = [0, 0]
    async function runOne(): Promise<void> {
      const bytes = createInput(random)
      if (bytes === undefined) return
      const ours = await send(native.address, bytes, Number.POSITIVE_INFINITY, 100)
      runs++
      const smallest = found.get(ours.events)
      if (smallest === undefined || bytes.length < smallest.length) found.set(ours.events, bytes)
      if (ours.ok === 0) return
      const theirs = await send(reference.address, wholeFrames(bytes), ours.ok, 3_000)
      assert.ok(ours.ok <= theirs.ok, describeOk(ours.ok, theirs.ok, bytes))
      bothOk++
    }
    async function runFor(ms: number): Promise<void> {
      const until = performance.now() + ms
      const worker = async () => {
        while (performance.now() < until) await runOne()
      }
      await Promise.all(Array.from({ length: CONCURRENCY }, worker))
    }
    await runFor(seconds * 500)
    const [heapAtHalf, runsAtHalf] = [await heapBytes(), runs]
    await runFor(seconds * 500)
    const growth = (await heapBytes()) - heapAtHalf
    t.diagnostic(`heap: ${growth} bytes more after ${runs - runsAtHalf} calls`)
    assert.ok(growth < MAX_GROWTH_BYTES, `the heap grew by ${growth} bytes in ${runs - runsAtHalf} calls`)
    assert.deepEqual(errors, [], 'no error within the server')
    assert.ok(bothOk > runs / 20, `${bothOk} of ${runs} calls were answered by both`)
    t.diagnostic(`${runs} calls, ${bothOk} answered OK by both, ${found.size} outcomes`)
    const last = encodeCall(validCall(() => 3))
    assert.equal((await send(native.address, last, 1, 3_000)).ok, 1, 'the server goes on')
    if (process.env.CREDENCE_GOLDEN === 'write') {
      const lines = [...found]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([events, bytes]) => `${JSON.stringify({ events, bytes: bytes.toString('hex') })}\n`)
      writeFileSync(CORPUS, lines.join(''))
    }
  })
})
