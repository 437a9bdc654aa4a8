/** Accepts HTTP/2 connections, plain or with TLS, and keeps them alive until a drain. */
import { createServer as createPlainServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { secureContextOptions, type TlsIdentity, tlsServerOptions } from '../http/tls.ts'
import { millis, millisBetween } from '../lib/time.ts'
import { ByteBudget } from './byte_budget.ts'
import { type ConnectionDependencies, Http2Connection } from './connection.ts'

/** Longest time from a connection to the client's first SETTINGS. */
const ESTABLISH_TIMEOUT_MS = millis(5_000)
/** A peer that does not answer one PING is disconnected at the next. */
const KEEPALIVE_INTERVAL_MS = 60_000
const SWEEP_INTERVAL_MS = 1_000
/** Of the responses of all connections that wait for a window. */
const MAX_BLOCKED_BYTES = 64 * 1024 * 1024

export interface Http2ServerDependencies extends Omit<ConnectionDependencies, 'blockedBytes'> {
  /** `undefined`: connections without TLS. */
  readonly tls: TlsIdentity | undefined
}

export interface Http2Server {
  /** Listens as its caller says. */
  readonly listener: Server
  /**
   * Accepts no further connections, announces the end to the open ones, and closes what is left after
   * `drainTimeout` ms. Resolves when all connections are closed.
   */
  drain(drainTimeout: number): Promise<void>
}

export function createHttp2Server(options: Http2ServerDependencies): Http2Server {
  const dependencies = { ...options, blockedBytes: new ByteBudget(MAX_BLOCKED_BYTES) }
  const connections = new Set<Http2Connection>()
  const accept = (socket: Socket): void => {
    const connection = new Http2Connection(socket, dependencies)
    connections.add(connection)
    socket.on('close', () => connections.delete(connection))
  }
  const listener = dependencies.tls === undefined ? createPlain(accept) : createTls(dependencies.tls, accept)
  // Those that have not completed their TLS handshake, too.
  const sockets = new Set<Socket>()
  listener.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const keepalive = setInterval(() => {
    for (const connection of connections) connection.ping()
  }, KEEPALIVE_INTERVAL_MS).unref()
  const sweep = setInterval(() => {
    const now = dependencies.now()
    for (const connection of connections) {
      if (connection.isEstablished) connection.resetStuck()
      else if (millisBetween(connection.openedAt, now) > ESTABLISH_TIMEOUT_MS) connection.destroy()
    }
  }, SWEEP_INTERVAL_MS).unref()
  return {
    listener,
    async drain(drainTimeout) {
      const closed = new Promise(resolve => listener.close(resolve))
      for (const connection of connections) connection.drain()
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, drainTimeout)
      await closed
      clearTimeout(timer)
      clearInterval(keepalive)
      clearInterval(sweep)
    },
  }
}

// Responses are written whole, so that waiting for more bytes of one gains nothing.
const SOCKET_OPTIONS = { noDelay: true }

const createPlain = (accept: (socket: Socket) => void): Server => createPlainServer(SOCKET_OPTIONS, accept)

function createTls(tls: TlsIdentity, accept: (socket: Socket) => void): Server {
  const server = createTlsServer({
    ...SOCKET_OPTIONS,
    ...tlsServerOptions(tls.material),
    ALPNProtocols: ['h2'],
  })
  // RFC 9113, section 3.2: with TLS, a client names the protocol in the handshake.
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') accept(socket)
    else socket.destroy()
  })
  // A failed handshake concerns that client only.
  server.on('tlsClientError', () => {})
  tls.onRenewal(material => server.setSecureContext(secureContextOptions(material)))
  return server
}
