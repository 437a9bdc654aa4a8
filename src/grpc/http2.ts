/** The gRPC engine on node:http2: connections, methods and the drain. */
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2'
import { secureContextOptions, type TlsIdentity, tlsServerOptions } from '../http/tls.ts'
import { plusMillis } from '../lib/time.ts'
import { parseTimeout } from './framing.ts'
import { handleHealthCheck, handleHealthWatch } from './health_methods.ts'
import type {
  CallMetadata,
  GrpcServer,
  GrpcServerDependencies,
  HealthStatus,
  UnaryHandler,
} from './server.ts'
import { listenOn } from './socket.ts'
import { type MethodHandler, receiveCall, sendFailure, sendMessage, sendResponse } from './stream.ts'
import { createUnfinishedMessages } from './unfinished_messages.ts'

/** Interval of pings. A peer that does not answer one is disconnected at the next. */
const KEEPALIVE_INTERVAL_MS = 60_000

const SERVER_OPTIONS: ServerOptions = {
  settings: { maxConcurrentStreams: 1024, enablePush: false },
  // MB of one connection, for header tables and data to be sent. At Node's default of 10, Checks fail while
  // long responses are queued.
  maxSessionMemory: 64,
  // Envoy sends the requests of many clients on one connection, and resets a Check when its client
  // disconnects. By default, Node closes the connection after a burst of a thousand resets, and with it the
  // Checks of all other clients.
  streamResetBurst: 100_000,
  streamResetRate: 20_000,
}

/**
 * Resolves when the server listens; rejects with the system's error or with one that says what occupies the
 * address.
 */
export async function startHttp2Server(dependencies: GrpcServerDependencies): Promise<GrpcServer> {
  const watches = new Set<ServerHttp2Stream>()
  const methods = createMethods(dependencies, watches)
  const server = createNodeServer(dependencies.tls)
  if (dependencies.maxConnections !== undefined) server.maxConnections = dependencies.maxConnections
  const unfinished = createUnfinishedMessages(dependencies.now)
  server.on('stream', (stream, headers) =>
    receiveCall(stream as ServerHttp2Stream, headers, dependencies.now(), methods, unfinished),
  )
  const sessions = trackSessions(server)
  const address = await listenOn(server, dependencies.listen, dependencies.onError)
  const keepalive = setInterval(pingSessions, KEEPALIVE_INTERVAL_MS, sessions, new WeakSet()).unref()
  return {
    address,
    async drain(drainTimeout) {
      const closed = new Promise(resolve => server.close(resolve))
      // Watchers have the last change by now. Their open streams would keep the connections open.
      for (const watch of watches) watch.end()
      // Sends GOAWAY: calls that have arrived are answered, later ones are rejected, and Envoy may retry
      // those elsewhere.
      for (const session of sessions) session.close()
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, drainTimeout)
      await closed
      clearTimeout(timer)
      clearInterval(keepalive)
      unfinished.close()
    },
  }
}

function createNodeServer(tls: TlsIdentity | undefined): Http2Server | Http2SecureServer {
  if (tls === undefined) return createServer(SERVER_OPTIONS)
  const server = createSecureServer({ ...SERVER_OPTIONS, ...tlsServerOptions(tls.material) })
  tls.onRenewal(material => server.setSecureContext(secureContextOptions(material)))
  return server
}

/** The open connections. */
function trackSessions(server: Http2Server | Http2SecureServer): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  // For example bytes that are not HTTP/2. Only that connection is concerned, and Node has closed it.
  server.on('sessionError', () => {})
  return sessions
}

function pingSessions(
  sessions: ReadonlySet<ServerHttp2Session>,
  unanswered: WeakSet<ServerHttp2Session>,
): void {
  for (const session of sessions) {
    if (unanswered.has(session)) session.destroy()
    else if (!session.closed && !session.destroyed && session.ping(() => unanswered.delete(session)))
      unanswered.add(session)
  }
}

function createMethods(
  { methods, health }: GrpcServerDependencies,
  watches: Set<ServerHttp2Stream>,
): ReadonlyMap<string | undefined, MethodHandler> {
  const unary = [...methods].map(([path, handler]) => [path, createUnaryMethod(handler)] as const)
  return new Map<string | undefined, MethodHandler>([
    ...unary,
    ['/grpc.health.v1.Health/Check', createHealthCheckMethod(health)],
    ['/grpc.health.v1.Health/Watch', createHealthWatchMethod(health, watches)],
  ])
}

function createUnaryMethod(handler: UnaryHandler): MethodHandler {
  return ({ message, headers, arrived }, stream) => {
    const metadata = new HeaderMetadata(headers)
    const timeout = parseTimeout(metadata.get('grpc-timeout'))
    const deadline = timeout === undefined ? undefined : plusMillis(arrived, timeout)
    const response = handler({ request: message, metadata, deadline, arrived })
    if (response instanceof Promise) void response.then(bytes => sendResponse(stream, bytes))
    else sendResponse(stream, response)
  }
}

function createHealthCheckMethod(health: HealthStatus): MethodHandler {
  return ({ message }, stream) => {
    const response = handleHealthCheck(health, message)
    if ('status' in response) sendFailure(stream, response)
    else sendResponse(stream, response)
  }
}

function createHealthWatchMethod(health: HealthStatus, watches: Set<ServerHttp2Stream>): MethodHandler {
  return ({ message }, stream) => {
    const stop = handleHealthWatch(health, message, response => sendMessage(stream, response))
    if (typeof stop === 'function') trackWatch(watches, stream, stop)
    else sendFailure(stream, stop)
  }
}

/** Keeps the watch until its client or a drain closes the stream. */
function trackWatch(watches: Set<ServerHttp2Stream>, stream: ServerHttp2Stream, stop: () => void): void {
  watches.add(stream)
  stream.on('close', () => {
    watches.delete(stream)
    stop()
  })
}

class HeaderMetadata implements CallMetadata {
  readonly #headers: IncomingHttpHeaders
  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers
  }
  get(name: string): string | undefined {
    const value = this.#headers[name]
    return typeof value === 'string' ? value : undefined
  }
}
