/** envoy/grpc_stream — one call on one HTTP/2 stream: its message is read whole, its answer written with trailers. Knows no service. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Instant } from '../lib/time.ts'
import { decodeFrame, encodeFrame, type GrpcFailure, GrpcStatus, isGrpcContentType } from './framing.ts'

/** Bytes; a CheckRequest carries up to `with_request_body.max_request_bytes` of body, and 64 KiB or so of headers (G4). */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024
/** The prefix of five bytes is allowed for. */
const MAX_BODY_BYTES = MAX_MESSAGE_BYTES + 5

export interface ReceivedCall {
  readonly message: Buffer
  readonly headers: IncomingHttpHeaders
  readonly arrived: Instant
}

/** Answers by `respond`, `refuse` or, more than once, by `tell`. */
export type MethodHandler = (call: ReceivedCall, stream: ServerHttp2Stream) => void

/** Calls the method when its message is there; what is no call of one of them is refused. */
export function receiveCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  arrived: Instant,
  methods: ReadonlyMap<string | undefined, MethodHandler>,
): void {
  stream.on('error', ignoreClientError)
  const method = methods.get(headers[':path'])
  if (headers[':method'] !== 'POST') endWithHeaders(stream, { ':status': 405 })
  else if (!isGrpcContentType(headers['content-type'])) endWithHeaders(stream, { ':status': 415 })
  else if (method === undefined) sendFailure(stream, UNKNOWN_METHOD)
  else readMessage(stream, message => method({ message, headers, arrived }, stream))
}

/** Hands on the one message that the stream brings; anything else is refused. */
function readMessage(stream: ServerHttp2Stream, onMessage: (message: Buffer) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > MAX_BODY_BYTES) sendFailure(stream, MESSAGE_TOO_LARGE)
    else chunks.push(chunk)
  })
  stream.on('end', () => {
    if (!isUnanswered(stream)) return
    const message = decodeFrame(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    if ('status' in message) sendFailure(stream, message)
    else onMessage(message)
  })
}

const UNKNOWN_METHOD: GrpcFailure = { status: GrpcStatus.unimplemented, message: 'unknown method' }
const MESSAGE_TOO_LARGE: GrpcFailure = {
  status: GrpcStatus.resourceExhausted,
  message: `a message is longer than ${MAX_MESSAGE_BYTES} bytes`,
}

/** An error of a stream is its client's leaving: nobody waits for an answer. */
const ignoreClientError = (): void => {}

const isOpen = (stream: ServerHttp2Stream): boolean => !stream.destroyed && !stream.closed
/** Neither answered nor refused yet. */
const isUnanswered = (stream: ServerHttp2Stream): boolean => isOpen(stream) && !stream.headersSent

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' }
/** No `date`, which nobody reads; Node knows the option, its types do not. */
const RESPONSE_OPTIONS = { waitForTrailers: true, sendDate: false }
const OK_TRAILERS = { 'grpc-status': '0' }

function sendOkTrailers(this: ServerHttp2Stream): void {
  if (isOpen(this)) this.sendTrailers(OK_TRAILERS)
}

/** One of several messages; `stream.end()` ends them well. */
export function sendMessage(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!isOpen(stream)) return
  if (!stream.headersSent) sendResponseHeaders(stream)
  stream.write(encodeFrame(message))
}

/** The message of a unary call. */
export function sendResponse(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!isUnanswered(stream)) return
  sendResponseHeaders(stream)
  stream.end(encodeFrame(message))
}

function sendResponseHeaders(stream: ServerHttp2Stream): void {
  stream.on('wantTrailers', sendOkTrailers)
  stream.respond(RESPONSE_HEADERS, RESPONSE_OPTIONS)
}

/** A status instead of a message. */
export function sendFailure(stream: ServerHttp2Stream, { status, message }: GrpcFailure): void {
  endWithHeaders(stream, { ...RESPONSE_HEADERS, 'grpc-status': String(status), 'grpc-message': message })
}

/** What is still under way of the request is read and forgotten: resetting the stream would overtake the answer. */
function endWithHeaders(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  if (!isUnanswered(stream)) return
  stream.respond(headers, { endStream: true })
  stream.resume()
}
