/** The HTTP server of Oathkeeper's api port. */
import type { IncomingMessage, RequestListener, Server, ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { formatListenAddress } from '../http/listen_address.ts'
import { statusText } from '../http/status_text.ts'
import { secureContextOptions, type TlsIdentity, tlsServerOptions } from '../http/tls.ts'
import { createServer, nodeHttps } from '../lib/node_http.ts'
import type { CorsPolicy } from './cors.ts'
import { internalErrorReply, notFoundReply, type Reply } from './reply.ts'

/** Replies to a request, or returns `undefined` to leave it to the next route. */
export type Route = (request: ApiRequest) => Reply | undefined | Promise<Reply | undefined>

export interface ApiRequest {
  readonly method: string
  /** As sent, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly message: IncomingMessage
}

export interface ApiServerDependencies {
  /** Empty for all interfaces. */
  readonly host: string
  readonly port: number
  /** Milliseconds; the settings `serve.api.timeout.*`. */
  readonly timeouts: { readonly read: number; readonly write: number; readonly idle: number }
  /** Further connections are closed at once. `undefined`: no limit. */
  readonly maxConnections?: number
  /** Tried in order. */
  readonly routes: readonly Route[]
  /** `undefined`: pages of other origins may read nothing. */
  readonly cors: CorsPolicy | undefined
  /** `undefined`: plain HTTP. */
  readonly tls: TlsIdentity | undefined
  /** Called with unexpected errors of routes and of the listener. */
  readonly onError: (error: unknown) => void
}

export interface ApiServer {
  /** The address in force, `host:port`. */
  readonly address: string
  /**
   * Accepts no further connections, answers the requests that have arrived, and closes the rest after 10 s.
   */
  close(): Promise<void>
}

/** Not below the longest time for a decision, so that each request to `/decisions` is answered. */
const DRAIN_TIMEOUT_MS = 10_000

/** At Node's default of 30 s, a request that never ends would outlive `timeouts.read` by as much. */
const SERVER_OPTIONS: ServerOptions = { connectionsCheckingInterval: 1_000 }

/** Resolves when the server listens. Rejects with the system's error, for example EADDRINUSE. */
export function startApiServer(dependencies: ApiServerDependencies): Promise<ApiServer> {
  const server = createNodeServer(dependencies.tls, (message, response) => {
    handleRequest(message, dependencies)
      .catch((error: unknown) => {
        // A client that disconnects in the middle of its request is no error of ours, and could fill the log.
        if (error !== message.errored) dependencies.onError(error)
        return internalErrorReply()
      })
      .then(reply => {
        // While the server closes, each connection ends with its answer. Otherwise closing would wait for its
        // idle timeout.
        // The rest of a body that no route has read would be received for nothing.
        if (!server.listening || hasUnreadBody(message)) response.shouldKeepAlive = false
        response.writeHead(reply.status, statusText(reply.status), [...reply.headers.flat()])
        if (reply.stream !== undefined && message.method !== 'HEAD') reply.stream(response)
        else response.end(message.method === 'HEAD' ? undefined : reply.body)
      })
      .catch(dependencies.onError)
  })
  if (dependencies.maxConnections !== undefined) server.maxConnections = dependencies.maxConnections
  server.requestTimeout = dependencies.timeouts.read
  server.headersTimeout = dependencies.timeouts.read
  server.keepAliveTimeout = dependencies.timeouts.idle
  server.timeout = dependencies.timeouts.write
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(
      { port: dependencies.port, ...(dependencies.host === '' ? {} : { host: dependencies.host }) },
      () => {
        server.off('error', reject)
        server.on('error', dependencies.onError)
        const { address, port } = server.address() as AddressInfo
        resolve({ address: formatListenAddress(address, port), close: () => closeServer(server) })
      },
    )
  })
}

/** Node may have read the head only, of a request without a body, too, so `complete` alone is not enough. */
const hasUnreadBody = ({ complete, headers }: IncomingMessage): boolean =>
  !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)

function createNodeServer(tls: TlsIdentity | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(SERVER_OPTIONS, listener)
  const server = nodeHttps().createServer({ ...SERVER_OPTIONS, ...tlsServerOptions(tls.material) }, listener)
  tls.onRenewal(material => server.setSecureContext(secureContextOptions(material)))
  return server
}

async function handleRequest(message: IncomingMessage, dependencies: ApiServerDependencies): Promise<Reply> {
  const corsRequest = { method: message.method ?? 'GET', headers: message.headers }
  const preflight = dependencies.cors?.preflight(corsRequest)
  if (preflight !== undefined) return preflight
  const reply = await dispatch(message, dependencies)
  return dependencies.cors === undefined
    ? reply
    : { ...reply, headers: [...reply.headers, ...dependencies.cors.headers(corsRequest)] }
}

async function dispatch(message: IncomingMessage, dependencies: ApiServerDependencies): Promise<Reply> {
  const target = message.url ?? '/'
  const queryStart = target.indexOf('?')
  const request: ApiRequest = {
    method: message.method ?? 'GET',
    path: queryStart < 0 ? target : target.slice(0, queryStart),
    query: new URLSearchParams(queryStart < 0 ? '' : target.slice(queryStart + 1)),
    message,
  }
  for (const route of dependencies.routes) {
    const reply = await route(request)
    if (reply !== undefined) return reply
  }
  return notFoundReply(message.headers.accept)
}

/**
 * Answers the requests that have arrived, and closes connections that are still open after the drain timeout.
 */
function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    // A server that closes no longer applies its own timeouts to open connections.
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_TIMEOUT_MS)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}
