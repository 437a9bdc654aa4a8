/** envoy/http2 — the door engine on node:http2: connections, the three methods, the drain. Knows no message but by its bytes. */
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
import type { CallMetadata, GrpcServer, GrpcServerDependencies } from './server.ts'
import { listenOn } from './socket.ts'
import { type MethodHandler, receiveCall, sendFailure, sendMessage, sendResponse } from './stream.ts'

/** A peer that is gone without a word is noticed after this and as long again, ms. */
const KEEPALIVE_INTERVAL_MS = 60_000

const SERVER_OPTIONS: ServerOptions = {
  settings: { maxConcurrentStreams: 1024, enablePush: false },
  // MB of a connection: header tables, and what waits to be sent. Node's own 10 would refuse Checks while long answers wait.
  maxSessionMemory: 64,
  // Envoy carries many strangers' requests on one connection, and resets a Check when its client leaves. Node would
  // end the connection after a thousand in a burst, and with it the Checks of everybody else (G2).
  streamResetBurst: 100_000,
  streamResetRate: 20_000,
}

export async function startHttp2Server(options: GrpcServerDependencies): Promise<GrpcServer> {
  const watches = new Set<ServerHttp2Stream>()
  const methods = createMethods(options, watches)
  const server = createNodeServer(options.tls)
  server.on('stream', (stream, headers) =>
    receiveCall(stream as ServerHttp2Stream, headers, options.now(), methods),
  )
  const sessions = trackSessions(server)
  const address = await listenOn(server, options.listen, options.onError)
  const keepalive = setInterval(pingSessions, KEEPALIVE_INTERVAL_MS, sessions, new WeakSet()).unref()
  return {
    address,
    async drain(drainTimeout) {
      const closed = new Promise(resolve => server.close(resolve))
      // They have been told by now, and would keep the connections open.
      for (const watch of watches) watch.end()
      // GOAWAY: what has arrived is answered, what comes later refused, which Envoy may ask elsewhere.
      for (const session of sessions) session.close()
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, drainTimeout)
      await closed
      clearTimeout(timer)
      clearInterval(keepalive)
    },
  }
}

function createNodeServer(tls: TlsIdentity | undefined): Http2Server | Http2SecureServer {
  if (tls === undefined) return createServer(SERVER_OPTIONS)
  const server = createSecureServer({ ...SERVER_OPTIONS, ...tlsServerOptions(tls.material) })
  tls.onRenewal(material => server.setSecureContext(secureContextOptions(material)))
  return server
}

/** The connections that are open. */
function trackSessions(server: Http2Server | Http2SecureServer): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  // Bytes that are no HTTP/2 are a matter of that connection, which Node has ended by now (G1).
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
  { check, health }: GrpcServerDependencies,
  watches: Set<ServerHttp2Stream>,
): ReadonlyMap<string | undefined, MethodHandler> {
  return new Map<string, MethodHandler>([
    [
      '/envoy.service.auth.v3.Authorization/Check',
      ({ message, headers, arrived }, stream) => {
        const metadata = new HeaderMetadata(headers)
        const timeout = parseTimeout(metadata.get('grpc-timeout'))
        const deadline = timeout === undefined ? undefined : plusMillis(arrived, timeout)
        const answer = check({ request: message, metadata, deadline, arrived })
        if (answer instanceof Promise) void answer.then(bytes => sendResponse(stream, bytes))
        else sendResponse(stream, answer)
      },
    ],
    [
      '/grpc.health.v1.Health/Check',
      ({ message }, stream) => {
        const answer = handleHealthCheck(health, message)
        if ('status' in answer) sendFailure(stream, answer)
        else sendResponse(stream, answer)
      },
    ],
    [
      '/grpc.health.v1.Health/Watch',
      ({ message }, stream) => {
        const stop = handleHealthWatch(health, message, response => sendMessage(stream, response))
        if (typeof stop === 'function') trackWatch(watches, stream, stop)
        else sendFailure(stream, stop)
      },
    ],
  ])
}

/** Until the stream is closed, by its client or by a drain. */
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
