/** Mutations of a gRPC call over HTTP/2: of its frames, and of its bytes. */
import { encodeFrame } from '../../src/grpc/framing.ts'
import { encodeHeaderBlock } from '../../src/http2/hpack_encoder.ts'
import { encodeHttp2Frame, type Frame, PREFACE } from '../support/http2_frames.ts'

export type Random = (below: number) => number

/** Mulberry32, so that a seed repeats a run. */
export function createRandom(start: number): Random {
  let state = start
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

export const PATH = '/test.Echo/Call'
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
export function validCall(random: Random): Frame[] {
  const entries = Object.entries(HEADERS)
  // Sometimes one field less, twice, or out of order.
  const choice = random(8)
  if (choice === 0) entries.splice(random(3), 1)
  if (choice === 1) entries.push(entries[random(entries.length)] as [string, string])
  if (choice === 2) entries.push(...entries.splice(random(entries.length), 1))
  const block = Buffer.concat(entries.map(([name, value]) => encodeHeaderBlock({ [name]: value })))
  const message = encodeFrame(Buffer.from(Array.from({ length: random(50) }, () => random(256))))
  const cut = random(message.length)
  const body: Frame[] =
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
export function mutateFrames(pieces: Frame[], random: Random): void {
  for (let left = random(4); left > 0; left--) {
    const at = random(pieces.length)
    const piece = pieces[at] as Frame
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

export const encodeCall = (pieces: readonly Frame[]): Buffer =>
  Buffer.concat([
    Buffer.from(PREFACE),
    ...pieces.map(one => encodeHttp2Frame(one.type, one.flags, one.streamId, one.payload)),
    encodeHttp2Frame(6, 0, 0, LAST_PING),
  ])

/** No frame that a mutation makes has the same payload, except by chance. */
export const LAST_PING = Buffer.from('thelast!')

/** Changes, removes, repeats or inserts bytes anywhere after the preface. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let result = bytes
  for (let left = 1 + random(4); left > 0; left--) {
    const at = PREFACE.length + random(result.length - PREFACE.length)
    const length = 1 + random(8)
    const [before, after] = [result.subarray(0, at), result.subarray(at)]
    switch (random(5)) {
      case 0:
        result = Buffer.concat([before, after.subarray(length)])
        break
      case 1:
        result = Buffer.concat([before, after.subarray(0, length), after])
        break
      case 2:
        result = Buffer.concat([before, Buffer.from(Array.from({ length }, () => random(256))), after])
        break
      default:
        result = Buffer.from(result)
        result[at] = random(2) === 0 ? random(256) : (result[at] as number) ^ (1 << random(8))
    }
    if (result.length <= PREFACE.length) return bytes
  }
  return result
}

/** The whole frames of a connection's bytes, and the length of these bytes with the preface. */
export function framesOf(bytes: Buffer): { readonly frames: readonly Frame[]; readonly length: number } {
  const frames: Frame[] = []
  let at = PREFACE.length
  while (at + 9 <= bytes.length) {
    const end = at + 9 + bytes.readUIntBE(at, 3)
    if (end > bytes.length) break
    const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5)
    frames.push({ type, flags, streamId: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, end) })
    at = end
  }
  return { frames, length: at }
}
