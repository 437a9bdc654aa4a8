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
import { contextOf, serverOptionsOf, type TlsIdentity } from '../http/tls.ts'
import { later } from '../lib/time.ts'
import { readTimeout } from './framing.ts'
import { answerHealth, watchHealth } from './health_service.ts'
import type { CallMetadata, Engine, EngineOptions } from './server.ts'
import { listen } from './socket.ts'
import { type Method, receive, refuse, respond, tell } from './stream.ts'

/** A peer that is gone without a word is noticed after this and as long again, ms. */
const KEEPALIVE = 60_000

const OPTIONS: ServerOptions = {
  settings: { maxConcurrentStreams: 1024, enablePush: false },
  // MB of a connection: header tables, and what waits to be sent. Node's own 10 would refuse Checks while long answers wait.
  maxSessionMemory: 64,
  // Envoy carries many strangers' requests on one connection, and resets a Check when its client leaves. Node would
  // end the connection after a thousand in a burst, and with it the Checks of everybody else (G2).
  streamResetBurst: 100_000,
  streamResetRate: 20_000,
}

export async function startHttp2(options: EngineOptions): Promise<Engine> {
  const watches = new Set<ServerHttp2Stream>()
  const methods = methodsOf(options, watches)
  const server = serverOf(options.tls)
  server.on('stream', (stream, headers) =>
    receive(stream as ServerHttp2Stream, headers, options.now(), methods),
  )
  const sessions = sessionsOf(server)
  const address = await listen(server, options.listen, options.accident)
  const keepalive = setInterval(probe, KEEPALIVE, sessions, new WeakSet()).unref()
  return {
    address,
    async drain(grace) {
      const closed = new Promise(resolve => server.close(resolve))
      // They have been told by now, and would keep the connections open.
      for (const watch of watches) watch.end()
      // GOAWAY: what has arrived is answered, what comes later refused, which Envoy may ask elsewhere.
      for (const session of sessions) session.close()
      const cut = setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, grace)
      await closed
      clearTimeout(cut)
      clearInterval(keepalive)
    },
  }
}

function serverOf(tls: TlsIdentity | undefined): Http2Server | Http2SecureServer {
  if (tls === undefined) return createServer(OPTIONS)
  const server = createSecureServer({ ...OPTIONS, ...serverOptionsOf(tls.material) })
  tls.onRenewed(material => server.setSecureContext(contextOf(material)))
  return server
}

/** The connections that are open. */
function sessionsOf(server: Http2Server | Http2SecureServer): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>()
  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  // Bytes that are no HTTP/2 are a matter of that connection, which Node has ended by now (G1).
  server.on('sessionError', () => {})
  return sessions
}

function probe(sessions: ReadonlySet<ServerHttp2Session>, unanswered: WeakSet<ServerHttp2Session>): void {
  for (const session of sessions) {
    if (unanswered.has(session)) session.destroy()
    else if (!session.closed && !session.destroyed && session.ping(() => unanswered.delete(session)))
      unanswered.add(session)
  }
}

function methodsOf(
  { check, health }: EngineOptions,
  watches: Set<ServerHttp2Stream>,
): ReadonlyMap<string | undefined, Method> {
  return new Map<string, Method>([
    [
      '/envoy.service.auth.v3.Authorization/Check',
      ({ message, headers, arrived }, stream) => {
        const metadata = new HeaderMetadata(headers)
        const timeout = readTimeout(metadata.get('grpc-timeout'))
        const deadline = timeout === undefined ? undefined : later(arrived, timeout)
        const answer = check({ request: message, metadata, deadline, arrived })
        if (answer instanceof Promise) void answer.then(bytes => respond(stream, bytes))
        else respond(stream, answer)
      },
    ],
    [
      '/grpc.health.v1.Health/Check',
      ({ message }, stream) => {
        const answer = answerHealth(health, message)
        if ('status' in answer) refuse(stream, answer)
        else respond(stream, answer)
      },
    ],
    [
      '/grpc.health.v1.Health/Watch',
      ({ message }, stream) => {
        const stop = watchHealth(health, message, response => tell(stream, response))
        if (typeof stop === 'function') keep(watches, stream, stop)
        else refuse(stream, stop)
      },
    ],
  ])
}

/** Until the stream is closed, by its client or by a drain. */
function keep(watches: Set<ServerHttp2Stream>, stream: ServerHttp2Stream, stop: () => void): void {
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
