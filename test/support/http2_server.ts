/** An HTTP/2 server that records its requests, and a client on a raw socket. */
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import type { TestContext } from 'node:test'
import { FrameType } from '../../src/http2/frames.ts'
import { encodeHeaderBlock } from '../../src/http2/hpack_encoder.ts'
import { createHttp2Server } from '../../src/http2/server.ts'
import type { ServerStream } from '../../src/http2/stream.ts'
import type { Instant } from '../../src/lib/time.ts'
import { type Frame, HttpFrames, PREFACE } from './http2_frames.ts'

export const requestBlock = encodeHeaderBlock
export const REQUEST = requestBlock({ ':method': 'POST', ':scheme': 'http', ':path': '/', 'x-a': '1' })
const OK = requestBlock({ ':status': '200' })

export interface OpenOptions {
  /** Whether the client sends its preface and SETTINGS. */
  readonly greet?: boolean
  /** The payload of the client's first SETTINGS. */
  readonly settings?: Buffer
  /** The body of each response, or an error that the handler throws; `undefined`: the test responds. */
  readonly response?: Buffer | Error | undefined
  readonly maxBodyBytes?: number
  readonly now?: () => number
  /** The port of a server that runs already. */
  readonly port?: number
}

/** Starts a server and connects to it. Both end with the test. */
export async function openHttp2(t: TestContext, options: OpenOptions = {}) {
  const server = await startServer(t, options)
  const socket = connect(options.port ?? server.port, '127.0.0.1')
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  const frames = new HttpFrames(socket)
  const queue: Frame[] = []
  let arrived = () => {}
  frames.onFrame = frame => {
    queue.push(frame)
    arrived()
  }
  const closed = once(socket, 'close')
  if (options.greet !== false) {
    socket.write(PREFACE)
    frames.send(FrameType.settings, 0, 0, options.settings ?? Buffer.alloc(0))
  }
  /** Removes the first frame that fits. Rejects where the connection is closed before it arrives. */
  async function take(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const at = queue.findIndex(fits)
      if (at >= 0) return queue.splice(at, 1)[0] as Frame
      if (socket.closed) throw new Error('the connection is closed')
      await Promise.race([
        new Promise<void>(resolve => {
          arrived = resolve
        }),
        closed,
      ])
    }
  }
  const nextGoaway = async () => {
    const { payload } = await take(frame => frame.type === FrameType.goaway)
    return { lastStreamId: payload.readUInt32BE(0), code: payload.readUInt32BE(4) }
  }
  let pings = 0
  return {
    server,
    socket,
    send: frames.send.bind(frames),
    closed: async () => void (await closed),
    /** The next frame of this type with a payload or an end: its stream and payload. */
    async next(type: number): Promise<[streamId: number, payload: Buffer]> {
      const { streamId, payload } = await take(frame => frame.type === type)
      return [streamId, payload]
    },
    /** The next frame of this type on this stream. */
    async nextOn(type: number, id: number): Promise<[streamId: number, payload: Buffer]> {
      const { streamId, payload } = await take(frame => frame.type === type && frame.streamId === id)
      return [streamId, payload]
    },
    nextGoaway,
    goaway: async (): Promise<number> => (await nextGoaway()).code,
    /** Acknowledges the server's PING. */
    async acknowledgePing(): Promise<void> {
      const { payload } = await take(frame => frame.type === FrameType.ping && frame.flags === 0)
      frames.send(FrameType.ping, 1, 0, payload)
    },
    /** Resolves when the server has read all that was sent. */
    async roundTrip(): Promise<void> {
      const payload = Buffer.from(`round${String(pings++).padStart(3, '0')}`)
      frames.send(FrameType.ping, 0, 0, payload)
      await take(frame => frame.type === FrameType.ping && frame.payload.equals(payload))
    },
    queued: (type: number): number => queue.filter(frame => frame.type === type).length,
    /** Bytes of all payloads of this type that were received. */
    bytesOf: (type: number): number =>
      frames.received.reduce((sum, frame) => sum + (frame.type === type ? frame.payload.length : 0), 0),
  }
}

async function startServer(t: TestContext, options: OpenOptions) {
  const requests: ServerStream[] = []
  const bodies: Buffer[] = []
  const errors: unknown[] = []
  const response = 'response' in options ? options.response : Buffer.from('ok')
  const server = createHttp2Server({
    handler: {
      onBodyPart() {},
      onUnfinished() {},
      onRequest(stream, body) {
        requests.push(stream)
        bodies.push(body)
        if (response instanceof Error) throw response
        if (response !== undefined) stream.respond(OK, response)
      },
    },
    now: (options.now ?? (() => performance.now())) as () => Instant,
    maxBodyBytes: options.maxBodyBytes ?? 100_000,
    tls: undefined,
    onError: error => errors.push(error),
  })
  server.listener.listen(0, '127.0.0.1')
  await once(server.listener, 'listening')
  let draining: Promise<void> | undefined
  const drain = (timeout: number) => (draining ??= server.drain(timeout))
  t.after(() => drain(0))
  return { port: (server.listener.address() as AddressInfo).port, requests, bodies, errors, drain }
}
