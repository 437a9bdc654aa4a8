/** api/server — the side door: Oathkeeper's api port. Routes requests to small functions; knows neither rules as files nor Envoy. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { statusText } from '../http/status_text.ts'
import { secureContextOptions, type TlsIdentity, tlsServerOptions } from '../http/tls.ts'
import type { CorsPolicy } from './cors.ts'
import { internalErrorReply, notFoundReply, type Reply } from './reply.ts'

/** Answers or, with `undefined`, leaves it to the next; `path` is decoded text without the query. */
export type Route = (request: ApiRequest) => Reply | undefined | Promise<Reply | undefined>

export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly message: IncomingMessage
}

export interface ApiServerDependencies {
  /** Empty for all interfaces. */
  readonly host: string
  readonly port: number
  /** Milliseconds, from `serve.api.timeout`. */
  readonly timeouts: { readonly read: number; readonly write: number; readonly idle: number }
  readonly routes: readonly Route[]
  /** `undefined`: no page of another origin reads anything. */
  readonly cors: CorsPolicy | undefined
  /** `undefined`: plain HTTP. */
  readonly tls: TlsIdentity | undefined
  readonly onError: (error: unknown) => void
}

export interface ApiServer {
  /** `host:port` in force. */
  readonly address: string
  close(): Promise<void>
}

/** ms. */
const DRAIN_TIMEOUT_MS = 10_000

/** Listens; rejects when the address is taken. */
export function startApiServer(dependencies: ApiServerDependencies): Promise<ApiServer> {
  const server = createNodeServer(dependencies.tls, (message, response) => {
    handleRequest(message, dependencies)
      .catch((error: unknown) => {
        // Whoever leaves before he has asked is no accident, and could fill the log with them.
        if (error !== message.errored) dependencies.onError(error)
        return internalErrorReply()
      })
      .then(reply => {
        // Of a stop: the connection ends with its answer, or it would be waited for until it is idle for too long.
        if (!server.listening) response.shouldKeepAlive = false
        response.writeHead(reply.status, statusText(reply.status), [...reply.headers.flat()])
        response.end(message.method === 'HEAD' ? undefined : reply.body)
      })
      .catch(dependencies.onError)
  })
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
        resolve({ address: formatAddress(server), close: () => closeServer(server) })
      },
    )
  })
}

function createNodeServer(tls: TlsIdentity | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener)
  const server = createTlsServer(tlsServerOptions(tls.material), listener)
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

function formatAddress(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

/** Answers what has arrived; whoever is still asking after the longest decision (app_api) is cut off. */
function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    // Once it closes, Node looks after no time of its connections.
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_TIMEOUT_MS)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    server.closeIdleConnections()
  })
}
