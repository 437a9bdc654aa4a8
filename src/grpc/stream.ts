/** One gRPC call on one HTTP/2 stream: reads its message whole, and writes its answer with trailers. */
import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Instant } from '../lib/time.ts'
import {
  checkPrefix,
  decodeFrame,
  encodeFrame,
  type GrpcFailure,
  GrpcStatus,
  isGrpcContentType,
  NOT_ONE_MESSAGE,
  PREFIX_BYTES,
} from './framing.ts'
import type { UnfinishedMessage, UnfinishedMessages } from './unfinished_messages.ts'

export interface ReceivedCall {
  readonly message: Buffer
  readonly headers: IncomingHttpHeaders
  readonly arrived: Instant
}

/** Answers with `sendResponse`, with `sendFailure`, or with any number of `sendMessage`. */
export type MethodHandler = (call: ReceivedCall, stream: ServerHttp2Stream) => void

/**
 * Reads the call's message and runs the method at its path. Answers a request that is not a call of one of
 * `methods`.
 */
export function receiveCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  arrived: Instant,
  methods: ReadonlyMap<string | undefined, MethodHandler>,
  unfinished: UnfinishedMessages,
): void {
  stream.on('error', ignoreClientError)
  const method = methods.get(headers[':path'])
  if (headers[':method'] !== 'POST') endWithHeaders(stream, { ':status': 405 })
  else if (!isGrpcContentType(headers['content-type'])) endWithHeaders(stream, { ':status': 415 })
  else if (method === undefined) sendFailure(stream, UNKNOWN_METHOD)
  else readMessage(stream, arrived, unfinished, message => method({ message, headers, arrived }, stream))
}

/** Passes the stream's only message to `onMessage`. Any other body ends the call with a failure. */
function readMessage(
  stream: ServerHttp2Stream,
  arrived: Instant,
  unfinished: UnfinishedMessages,
  onMessage: (message: Buffer) => void,
): void {
  let chunks: Buffer[] = []
  /** Length of the frame once its prefix has arrived. */
  let frameBytes: number | undefined
  const fail = (failure: GrpcFailure): void => {
    chunks = []
    unfinished.remove(reading)
    sendFailure(stream, failure)
    // Without a listener for data, Node reads and discards what still arrives.
    stream.removeAllListeners('data')
    stream.resume()
  }
  const abandon = (): void => {
    fail(MESSAGE_UNFINISHED)
    // After the answer, as RFC 9113 (8.1) allows. Without the reset the stream would stay open.
    stream.close(constants.NGHTTP2_NO_ERROR)
  }
  const reading: UnfinishedMessage = { stream, arrived, bytes: 0, abandon }
  unfinished.add(reading)
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    unfinished.grow(reading, chunk.length)
    if (!isUnanswered(stream)) return
    if (frameBytes === undefined && reading.bytes >= PREFIX_BYTES) {
      const length = checkPrefix(chunks.length === 1 ? chunk : Buffer.concat(chunks))
      if (typeof length !== 'number') return fail(length)
      frameBytes = length
    }
    if (frameBytes !== undefined && reading.bytes > frameBytes) fail(NOT_ONE_MESSAGE)
  })
  stream.on('end', () => {
    unfinished.remove(reading)
    if (!isUnanswered(stream)) return
    const message = decodeFrame(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    if ('status' in message) sendFailure(stream, message)
    else onMessage(message)
  })
}

const UNKNOWN_METHOD: GrpcFailure = { status: GrpcStatus.unimplemented, message: 'unknown method' }
const MESSAGE_UNFINISHED: GrpcFailure = {
  status: GrpcStatus.resourceExhausted,
  message: 'the message did not arrive in time, or too many messages are unfinished',
}

/** A stream fails when its client resets it; then no answer is needed. */
const ignoreClientError = (): void => {}

const isOpen = (stream: ServerHttp2Stream): boolean => !stream.destroyed && !stream.closed
const isUnanswered = (stream: ServerHttp2Stream): boolean => isOpen(stream) && !stream.headersSent

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' }
/**
 * Without the header `date`, which no gRPC client uses. Node supports `sendDate`; its types do not have it.
 */
const RESPONSE_OPTIONS = { waitForTrailers: true, sendDate: false }
const OK_TRAILERS = { 'grpc-status': '0' }

function sendOkTrailers(this: ServerHttp2Stream): void {
  if (isOpen(this)) this.sendTrailers(OK_TRAILERS)
}

/** Sends one of several messages. `stream.end()` then ends the call with status OK. */
export function sendMessage(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!isOpen(stream)) return
  if (!stream.headersSent) sendResponseHeaders(stream)
  stream.write(encodeFrame(message))
}

/** Sends the message of a unary call and ends it with status OK. */
export function sendResponse(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (!isUnanswered(stream)) return
  sendResponseHeaders(stream)
  stream.end(encodeFrame(message))
}

function sendResponseHeaders(stream: ServerHttp2Stream): void {
  stream.on('wantTrailers', sendOkTrailers)
  stream.respond(RESPONSE_HEADERS, RESPONSE_OPTIONS)
}

/** Ends the call with an error status. */
export function sendFailure(stream: ServerHttp2Stream, { status, message }: GrpcFailure): void {
  endWithHeaders(stream, { ...RESPONSE_HEADERS, 'grpc-status': String(status), 'grpc-message': message })
}

/**
 * Answers with headers only. Discards what still arrives: a reset of the stream could reach the client before
 * the answer.
 */
function endWithHeaders(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  if (!isUnanswered(stream)) return
  stream.respond(headers, { endStream: true })
  stream.resume()
}
