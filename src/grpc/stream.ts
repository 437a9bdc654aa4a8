/** envoy/grpc_stream — one call on one HTTP/2 stream: its message is read whole, its answer written with trailers. Knows no service. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Instant } from '../lib/time.ts'
import { type FrameFault, frame, GrpcStatus, isGrpc, unframe } from './framing.ts'

/** Bytes; a CheckRequest carries up to `with_request_body.max_request_bytes` of body, and 64 KiB or so of headers (G4). */
const LARGEST_MESSAGE = 4 * 1024 * 1024
/** The prefix of five bytes is allowed for. */
const LARGEST_BODY = LARGEST_MESSAGE + 5

export interface Received {
  readonly message: Buffer
  readonly headers: IncomingHttpHeaders
  readonly arrived: Instant
}

/** Answers by `respond`, `refuse` or, more than once, by `tell`. */
export type Method = (call: Received, stream: ServerHttp2Stream) => void

/** Calls the method when its message is there; what is no call of one of them is refused. */
export function receive(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  arrived: Instant,
  methods: ReadonlyMap<string | undefined, Method>,
): void {
  stream.on('error', hasLeft)
  const method = methods.get(headers[':path'])
  if (headers[':method'] !== 'POST') endWith(stream, { ':status': 405 })
  else if (!isGrpc(headers['content-type'])) endWith(stream, { ':status': 415 })
  else if (method === undefined) refuse(stream, UNKNOWN_METHOD)
  else read(stream, message => method({ message, headers, arrived }, stream))
}

/** Hands on the one message that the stream brings; anything else is refused. */
function read(stream: ServerHttp2Stream, use: (message: Buffer) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > LARGEST_BODY) refuse(stream, TOO_LONG)
    else chunks.push(chunk)
  })
  stream.on('end', () => {
    if (!isAwaited(stream)) return
    const message = unframe(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    if ('status' in message) refuse(stream, message)
    else use(message)
  })
}

const UNKNOWN_METHOD: FrameFault = { status: GrpcStatus.unimplemented, message: 'unknown method' }
const TOO_LONG: FrameFault = {
  status: GrpcStatus.resourceExhausted,
  message: `a message is longer than ${LARGEST_MESSAGE} bytes`,
}

/** An error of a stream is its client's leaving: nobody waits for an answer. */
const hasLeft = (): void => {}

const isOpen = (stream: ServerHttp2Stream): boolean => !stream.destroyed && !stream.closed
/** Neither answered nor refused yet. */
const isAwaited = (stream: ServerHttp2Stream): boolean => isOpen(stream) && !stream.headersSent

const HEADERS = { ':status': 200, 'content-type': 'application/grpc' }
/** No `date`, which nobody reads; Node knows the option, its types do not. */
const OPTIONS = { waitForTrailers: true, sendDate: false }
const OK = { 'grpc-status': '0' }

function sendOk(this: ServerHttp2Stream): void {
  if (isOpen(this)) this.sendTrailers(OK)
}

/** One of several messages; `stream.end()` ends them well. */
export function tell(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!isOpen(stream)) return
  if (!stream.headersSent) begin(stream)
  stream.write(frame(message))
}

/** The message of a unary call. */
export function respond(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!isAwaited(stream)) return
  begin(stream)
  stream.end(frame(message))
}

function begin(stream: ServerHttp2Stream): void {
  stream.on('wantTrailers', sendOk)
  stream.respond(HEADERS, OPTIONS)
}

/** A status instead of a message. */
export function refuse(stream: ServerHttp2Stream, { status, message }: FrameFault): void {
  endWith(stream, { ...HEADERS, 'grpc-status': String(status), 'grpc-message': message })
}

/** What is still under way of the request is read and forgotten: resetting the stream would overtake the answer. */
function endWith(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  if (!isAwaited(stream)) return
  stream.respond(headers, { endStream: true })
  stream.resume()
}
