/** api/server — the side door: Oathkeeper's api port. Routes requests to small functions; knows neither rules as files nor Envoy. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { statusText } from '../http/status_text.ts'
import { contextOf, serverOptionsOf, type TlsIdentity } from '../http/tls.ts'
import type { Cors } from './cors.ts'
import { internalError, notFound, type Reply } from './reply.ts'

/** Answers or, with `undefined`, leaves it to the next; `path` is decoded text without the query. */
export type Route = (request: ApiRequest) => Reply | undefined | Promise<Reply | undefined>

export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly message: IncomingMessage
}

export interface ApiOptions {
  /** Empty for all interfaces. */
  readonly host: string
  readonly port: number
  /** Milliseconds, from `serve.api.timeout`. */
  readonly timeouts: { readonly read: number; readonly write: number; readonly idle: number }
  readonly routes: readonly Route[]
  /** `undefined`: no page of another origin reads anything. */
  readonly cors: Cors | undefined
  /** `undefined`: plain HTTP. */
  readonly tls: TlsIdentity | undefined
  readonly accident: (error: unknown) => void
}

export interface ApiServer {
  /** `host:port` in force. */
  readonly address: string
  close(): Promise<void>
}

/** ms. */
const LAST_ANSWERS = 10_000

/** Listens; rejects when the address is taken. */
export function startApi(options: ApiOptions): Promise<ApiServer> {
  const server = serverOf(options.tls, (message, response) => {
    answer(message, options)
      .catch((error: unknown) => {
        // Whoever leaves before he has asked is no accident, and could fill the log with them.
        if (error !== message.errored) options.accident(error)
        return internalError()
      })
      .then(reply => {
        // Of a stop: the connection ends with its answer, or it would be waited for until it is idle for too long.
        if (!server.listening) response.shouldKeepAlive = false
        response.writeHead(reply.status, statusText(reply.status), [...reply.headers.flat()])
        response.end(message.method === 'HEAD' ? undefined : reply.body)
      })
      .catch(options.accident)
  })
  server.requestTimeout = options.timeouts.read
  server.headersTimeout = options.timeouts.read
  server.keepAliveTimeout = options.timeouts.idle
  server.timeout = options.timeouts.write
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port: options.port, ...(options.host === '' ? {} : { host: options.host }) }, () => {
      server.off('error', reject)
      server.on('error', options.accident)
      resolve({ address: printAddress(server), close: () => close(server) })
    })
  })
}

function serverOf(tls: TlsIdentity | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener)
  const server = createTlsServer(serverOptionsOf(tls.material), listener)
  tls.onRenewed(material => server.setSecureContext(contextOf(material)))
  return server
}

async function answer(message: IncomingMessage, options: ApiOptions): Promise<Reply> {
  const asked = { method: message.method ?? 'GET', headers: message.headers }
  const preflight = options.cors?.preflight(asked)
  if (preflight !== undefined) return preflight
  const reply = await routed(message, options)
  return options.cors === undefined
    ? reply
    : { ...reply, headers: [...reply.headers, ...options.cors.headers(asked)] }
}

async function routed(message: IncomingMessage, options: ApiOptions): Promise<Reply> {
  const target = message.url ?? '/'
  const cut = target.indexOf('?')
  const request: ApiRequest = {
    method: message.method ?? 'GET',
    path: cut < 0 ? target : target.slice(0, cut),
    query: new URLSearchParams(cut < 0 ? '' : target.slice(cut + 1)),
    message,
  }
  for (const route of options.routes) {
    const reply = await route(request)
    if (reply !== undefined) return reply
  }
  return notFound(message.headers.accept)
}

function printAddress(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

/** Answers what has arrived; whoever is still asking after the longest decision (app_api) is cut off. */
function close(server: Server): Promise<void> {
  return new Promise(done => {
    // Once it closes, Node looks after no time of its connections.
    const cut = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS)
    server.close(() => {
      clearTimeout(cut)
      done()
    })
    server.closeIdleConnections()
  })
}
