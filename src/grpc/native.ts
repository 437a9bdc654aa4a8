/** The gRPC engine on Credence's own HTTP/2 server: calls, statuses and the drain. */

import type { RequestHandler } from '../http2/connection.ts'
import { ErrorCode } from '../http2/frames.ts'
import { encodeHeaderBlock } from '../http2/hpack_encoder.ts'
import { createHttp2Server } from '../http2/server.ts'
import type { ServerStream } from '../http2/stream.ts'
import { type Millis, plusMillis } from '../lib/time.ts'
import {
  checkPrefix,
  decodeFrame,
  encodeFrame,
  type GrpcFailure,
  GrpcStatus,
  isGrpcContentType,
  MAX_MESSAGE_BYTES,
  NOT_ONE_MESSAGE,
  PREFIX_BYTES,
  parseTimeout,
} from './framing.ts'
import { handleHealthCheck, handleHealthWatch } from './health_methods.ts'
import type { GrpcServer, GrpcServerDependencies, HealthStatus, UnaryCall, UnaryHandler } from './server.ts'
import { listenOn } from './socket.ts'
import {
  createUnfinishedMessages,
  type UnfinishedMessage,
  type UnfinishedMessages,
} from './unfinished_messages.ts'

/** What an unfinished call holds beside its headers and its body: objects, and the least buffer of a body. */
const STREAM_BYTES = 6 * 1024
/** Each one stays open, and Envoy opens none. */
const MAX_WATCHES = 1_000

/** Answers the call, at once or later. */
type Method = (stream: ServerStream, message: Buffer) => void

const RESPONSE_HEADERS = { ':status': '200', 'content-type': 'application/grpc' }
const RESPONSE = encodeHeaderBlock(RESPONSE_HEADERS)
const OK = encodeHeaderBlock({ 'grpc-status': '0' })
const METHOD_NOT_ALLOWED = encodeHeaderBlock({ ':status': '405', 'content-type': 'text/plain' })
const UNSUPPORTED_MEDIA_TYPE = encodeHeaderBlock({ ':status': '415', 'content-type': 'text/plain' })
/** For a person who opens this port in another client. */
const GRPC_ONLY = Buffer.from('This port serves gRPC only: POST with the content type application/grpc.\n')
const UNKNOWN_METHOD: GrpcFailure = { status: GrpcStatus.unimplemented, message: 'unknown method' }
const MALFORMED_TIMEOUT: GrpcFailure = { status: GrpcStatus.internal, message: 'malformed grpc-timeout' }
const TOO_MANY_WATCHES: GrpcFailure = { status: GrpcStatus.resourceExhausted, message: 'too many watches' }
const MESSAGE_UNFINISHED: GrpcFailure = {
  status: GrpcStatus.resourceExhausted,
  message: 'the message did not arrive in time, or too many messages are unfinished',
}

/**
 * Resolves when the server listens; rejects with the system's error or with one that says what occupies the
 * address.
 */
export async function startNativeServer(dependencies: GrpcServerDependencies): Promise<GrpcServer> {
  const { now, tls, maxConnections } = dependencies
  const watches = new Set<ServerStream>()
  const unfinished = createUnfinishedMessages(now)
  const handler = new CallHandler(createMethods(dependencies, watches), unfinished)
  const server = createHttp2Server({
    handler,
    now,
    tls,
    maxBodyBytes: PREFIX_BYTES + MAX_MESSAGE_BYTES,
    onError: dependencies.onError,
  })
  if (maxConnections !== undefined) server.listener.maxConnections = maxConnections
  const address = await listenOn(server.listener, dependencies.listen, dependencies.onError)
  return {
    address,
    async drain(drainTimeout) {
      // Watchers have the last change by now. Their open streams would keep the connections open.
      for (const watch of watches) watch.endParts(OK)
      await server.drain(drainTimeout)
      unfinished.close()
    },
  }
}

/** Reads the message of each call and runs its method. */
class CallHandler implements RequestHandler {
  readonly #methods: ReadonlyMap<string, Method>
  readonly #unfinished: UnfinishedMessages
  readonly #reading = new WeakMap<ServerStream, UnfinishedMessage>()

  constructor(methods: ReadonlyMap<string, Method>, unfinished: UnfinishedMessages) {
    this.#methods = methods
    this.#unfinished = unfinished
  }

  onRequest(stream: ServerStream, body: Buffer): void {
    this.#removeUnfinished(stream)
    const method = this.#methodOf(stream)
    if (method === undefined) return
    const message = decodeFrame(body)
    if ('status' in message) fail(stream, message)
    else method(stream, message)
  }

  onBodyPart(stream: ServerStream): void {
    const reading = this.#reading.get(stream)
    if (reading !== undefined)
      this.#unfinished.grow(reading, STREAM_BYTES + stream.headers.bytes + stream.bodyBytes - reading.bytes)
    if (stream.answered || stream.bodyBytes < PREFIX_BYTES || !this.#methods.has(stream.headers.path)) return
    const length = checkPrefix(stream.body)
    if (typeof length !== 'number') fail(stream, length)
    else if (stream.bodyBytes > length) fail(stream, NOT_ONE_MESSAGE)
  }

  onUnfinished(stream: ServerStream): void {
    const reading: UnfinishedMessage = {
      arrived: stream.arrived,
      bytes: 0,
      abandon: () => {
        if (this.#methodOf(stream) !== undefined) fail(stream, MESSAGE_UNFINISHED)
        // After the answer, as RFC 9113, section 8.1, allows. Without the reset the stream would stay open.
        stream.reset(ErrorCode.noError)
      },
    }
    this.#reading.set(stream, reading)
    this.#unfinished.add(reading)
    stream.onClose = () => this.#unfinished.remove(reading)
    // Where the request states a length, the body is held against it first (RFC 9113, section 8.1.1).
    if (stream.headers.contentLength === undefined) this.#methodOf(stream)
    this.#unfinished.grow(reading, STREAM_BYTES + stream.headers.bytes + stream.bodyBytes)
  }

  /** The method of a call; answers what is no call of a known method. */
  #methodOf(stream: ServerStream): Method | undefined {
    const { headers } = stream
    if (headers.method !== 'POST') stream.respond(METHOD_NOT_ALLOWED, GRPC_ONLY)
    else if (!isGrpcContentType(headers.get('content-type')))
      stream.respond(UNSUPPORTED_MEDIA_TYPE, GRPC_ONLY)
    else {
      const method = this.#methods.get(headers.path)
      if (method === undefined) fail(stream, UNKNOWN_METHOD)
      return method
    }
    return undefined
  }

  #removeUnfinished(stream: ServerStream): void {
    const reading = this.#reading.get(stream)
    if (reading === undefined) return
    this.#unfinished.remove(reading)
    stream.onClose = undefined
  }
}

/** Ends the call with an error status. */
const fail = (stream: ServerStream, { status, message }: GrpcFailure): void =>
  stream.respondHeaders(
    encodeHeaderBlock({ ...RESPONSE_HEADERS, 'grpc-status': String(status), 'grpc-message': message }),
  )

const send = (stream: ServerStream, message: Uint8Array): void =>
  stream.respond(RESPONSE, encodeFrame(message), OK)

function createMethods(
  { methods, health }: GrpcServerDependencies,
  watches: Set<ServerStream>,
): ReadonlyMap<string, Method> {
  return new Map<string, Method>([
    ...[...methods].map(([path, handler]) => [path, createUnaryMethod(handler)] as const),
    ['/grpc.health.v1.Health/Check', createHealthCheckMethod(health)],
    ['/grpc.health.v1.Health/Watch', createHealthWatchMethod(health, watches)],
  ])
}

function createUnaryMethod(handler: UnaryHandler): Method {
  return (stream, request) => {
    const { headers, arrived } = stream
    const timeout = timeoutOf(headers.get('grpc-timeout'))
    if (timeout === 'malformed') {
      fail(stream, MALFORMED_TIMEOUT)
      return
    }
    const deadline = timeout === undefined ? undefined : plusMillis(arrived, timeout)
    const call: UnaryCall = { request, metadata: headers, deadline, arrived }
    const response = handler(call)
    if (response instanceof Promise) {
      stream.onClose = call.onCancel
      void response.then(message => send(stream, message))
    } else send(stream, response)
  }
}

// A caller sends the same text with each call, and parsing it costs more than comparing it.
let lastTimeoutText: string | undefined
let lastTimeout: Millis | 'malformed' | undefined

function timeoutOf(text: string | undefined): Millis | 'malformed' | undefined {
  if (text !== lastTimeoutText) {
    lastTimeoutText = text
    lastTimeout = text === undefined ? undefined : (parseTimeout(text) ?? 'malformed')
  }
  return lastTimeout
}

function createHealthCheckMethod(health: HealthStatus): Method {
  return (stream, message) => {
    const response = handleHealthCheck(health, message)
    if ('status' in response) fail(stream, response)
    else send(stream, response)
  }
}

function createHealthWatchMethod(health: HealthStatus, watches: Set<ServerStream>): Method {
  return (stream, message) => {
    if (watches.size >= MAX_WATCHES) {
      fail(stream, TOO_MANY_WATCHES)
      return
    }
    const stop = handleHealthWatch(health, message, response =>
      stream.respondPart(RESPONSE, encodeFrame(response)),
    )
    if (typeof stop !== 'function') return fail(stream, stop)
    watches.add(stream)
    stream.onClose = () => {
      watches.delete(stream)
      stop()
    }
  }
}
