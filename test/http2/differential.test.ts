/**
 * The same mutated bytes for both gRPC engines: Credence's own answers OK only where grpc-js does, and keeps serving.
 * `CREDENCE_FUZZ_SECONDS` sets the time, `CREDENCE_FUZZ_SEED` the seed.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startGrpcServer } from '../../src/grpc/engines.ts'
import { encodeFrame } from '../../src/grpc/framing.ts'
import { createHealth } from '../../src/grpc/health.ts'
import type { HeaderField } from '../../src/http2/header_field.ts'
import { HpackDecoder } from '../../src/http2/hpack_decoder.ts'
import { encodeHeaderBlock } from '../../src/http2/hpack_encoder.ts'
import type { Instant } from '../../src/lib/time.ts'
import { encodeHttp2Frame, HttpFrames, PREFACE } from '../support/http2_frames.ts'

const seconds = Number(process.env.CREDENCE_FUZZ_SECONDS ?? 8)
const seed = Number(process.env.CREDENCE_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const CONCURRENCY = 16

/** Mulberry32, so that a seed repeats a run. */
function createRandom(start: number): (below: number) => number {
  let state = start
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

interface Piece {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}
const PATH = '/test.Echo/Call'
const HEADERS = {
  ':method': 'POST',
  ':scheme': 'http',
  ':path': PATH,
  ':authority': 'a.test',
  'content-type': 'application/grpc',
  te: 'trailers',
  'grpc-timeout': '5S',
  'x-custom': 'value',
}

/** One valid call, with what clients send around it. */
function validCall(random: (below: number) => number): Piece[] {
  const entries = Object.entries(HEADERS)
  // Sometimes one field less, twice, or out of order.
  const choice = random(8)
  if (choice === 0) entries.splice(random(3), 1)
  if (choice === 1) entries.push(entries[random(entries.length)] as [string, string])
  if (choice === 2) entries.push(...entries.splice(random(entries.length), 1))
  const block = Buffer.concat(entries.map(([name, value]) => encodeHeaderBlock({ [name]: value })))
  const message = encodeFrame(Buffer.from(Array.from({ length: random(50) }, () => random(256))))
  const cut = random(message.length)
  const body: Piece[] =
    random(2) === 0
      ? [{ type: 0, flags: 1, streamId: 1, payload: message }]
      : [
          { type: 0, flags: 0, streamId: 1, payload: message.subarray(0, cut) },
          { type: 0, flags: 1, streamId: 1, payload: message.subarray(cut) },
        ]
  const ping = { type: 6, flags: 0, streamId: 0, payload: Buffer.alloc(8) }
  const window = { type: 8, flags: 0, streamId: 0, payload: Buffer.from([0, 0, 4, 0]) }
  return [
    { type: 4, flags: 0, streamId: 0, payload: Buffer.alloc(0) },
    { type: 4, flags: 1, streamId: 0, payload: Buffer.alloc(0) },
    window,
    { type: 1, flags: 4, streamId: 1, payload: block },
    ...(random(3) === 0 ? [ping] : []),
    ...body,
  ]
}

/** Changes one to three things of the pieces. */
function mutate(pieces: Piece[], random: (below: number) => number): void {
  for (let left = random(4); left > 0; left--) {
    const at = random(pieces.length)
    const piece = pieces[at] as Piece
    const payload = Buffer.from(piece.payload)
    switch (random(8)) {
      case 0:
        pieces.splice(at, 1)
        break
      case 1:
        pieces.splice(random(pieces.length), 0, piece)
        break
      case 2:
        pieces[at] = { ...piece, flags: piece.flags ^ (1 << random(8)) }
        break
      case 3:
        pieces[at] = { ...piece, streamId: random(6) }
        break
      case 4:
        // After a client's GOAWAY, grpc-js drops the calls that it has received.
        pieces[at] = { ...piece, type: [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11][random(11)] as number }
        break
      case 5:
        pieces[at] = { ...piece, payload: payload.subarray(0, random(payload.length + 1)) }
        break
      default:
        if (payload.length > 0) payload[random(payload.length)] = random(256)
        pieces[at] = { ...piece, payload }
    }
    if (pieces.length === 0) return
  }
}

const encodeCall = (pieces: readonly Piece[]): Buffer =>
  Buffer.concat([
    Buffer.from(PREFACE),
    ...pieces.map(one => encodeHttp2Frame(one.type, one.flags, one.streamId, one.payload)),
    encodeHttp2Frame(6, 0, 0, LAST_PING),
  ])

/**
 * The number of calls that the server at `address` answers with OK. Resolves when it has answered `expected` calls,
 * when the connection is closed, or after `waitMs`.
 */
async function countOk(address: string, bytes: Buffer, expected: number, waitMs: number): Promise<number> {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host)
  const frames = new HttpFrames(socket)
  const decoder = new HpackDecoder()
  let ok = 0
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, waitMs)
    const finish = () => {
      clearTimeout(timer)
      resolve()
    }
    frames.onBlock = block => {
      const add = ({ name, value }: HeaderField): void => {
        if (name === 'grpc-status' && value === '0') ok++
      }
      decoder.decode(block, 0, block.length, { add })
      if (ok >= expected) finish()
    }
    // Credence's engine answers in the order of the frames, so nothing follows the answer to the last PING.
    frames.onFrame = ({ type, payload }) => {
      // The connection ends after an answer: grpc-js may not have answered until then.
      if (type === 7) ok = 0
      if (type === 6 && payload.equals(LAST_PING) && expected === Number.POSITIVE_INFINITY) finish()
    }
    socket.on('close', finish)
    socket.on('connect', () => socket.write(bytes))
  })
  socket.destroy()
  return ok
}
const LAST_PING = Buffer.from('thelast!')

test(`mutated calls get OK only where grpc-js answers OK (seed ${seed}, ${seconds} s)`, {
  timeout: (seconds + 60) * 1000,
}, async t => {
  const errors: unknown[] = []
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
  const [native, reference] = [await start('native'), await start('grpc-js')]
  t.after(() => Promise.all([native.drain(0), reference.drain(0)]))
  const random = createRandom(seed)
  const until = performance.now() + seconds * 1000
  let [runs, bothOk] = [0, 0]
  async function runOne(): Promise<void> {
    const pieces = validCall(random)
    mutate(pieces, random)
    const bytes = encodeCall(pieces)
    // gRPC does not demand this field, and grpc-js does. Node ends a connection for an acknowledgement that it did not
    // ask for, and RFC 9113 does not demand that.
    if (!bytes.includes(':authority') || pieces.some(({ type, flags }) => type === 6 && flags % 2 === 1))
      return
    const ours = await countOk(native.address, bytes, Number.POSITIVE_INFINITY, 100)
    runs++
    if (ours === 0) return
    const theirs = await countOk(reference.address, bytes, ours, 3_000)
    assert.ok(
      ours <= theirs,
      `OK ${ours} times where grpc-js answers ${theirs} times: ${bytes.toString('hex')}`,
    )
    bothOk++
  }
  const worker = async () => {
    while (performance.now() < until) await runOne()
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  assert.deepEqual(errors, [], 'no error within the server')
  assert.ok(bothOk > runs / 20, `${bothOk} of ${runs} calls were answered by both`)
  t.diagnostic(`${runs} calls, ${bothOk} answered OK by both`)
  const last = encodeCall(validCall(() => 3))
  assert.equal(await countOk(native.address, last, 1, 3_000), 1, 'the server goes on')
})
