/** Reconnecting connection to Redis: a single server, Sentinel or Cluster. The only file that imports the redis package. */
import type { ConnectionOptions } from 'node:tls'

export interface RedisClientOptions {
  readonly mode: 'single' | 'sentinel' | 'cluster'
  /** Addresses of the server, of the sentinels, or of some nodes of the cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  /** Name of the master that the sentinels monitor. */
  readonly master: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly sentinelPassword: string | undefined
  readonly database: number
  readonly tls: ConnectionOptions | undefined
  /** Called with an error code that contains no credential, repeatedly while the error lasts. */
  readonly onError: (code: string) => void
}

export interface RedisClient {
  /** Sends one command. `key` selects the node of a cluster. Rejects while disconnected. */
  send(key: string, args: readonly string[]): Promise<unknown>
  close(): Promise<void>
}

/** Maximum delay between two connection attempts, ms. */
const MAX_RECONNECT_DELAY_MS = 500
/** A connection without a byte for this long, ms, counts as dead. The client sends a PING every second. */
const SOCKET_TIMEOUT_MS = 5_000

interface UnderlyingClient {
  connect(): Promise<unknown>
  on(event: 'error', listener: (error: unknown) => void): unknown
  destroy(): unknown
}

/** Connects, and reconnects, in the background. The redis package is loaded only if this function is called. */
export async function openRedisClient(options: RedisClientOptions): Promise<RedisClient> {
  const { createClient, createCluster, createSentinel } = await import('redis')
  const { username, password, tls, nodes } = options
  const reconnect = (attempts: number): number =>
    Math.min(25 * 2 ** Math.min(attempts, 6), MAX_RECONNECT_DELAY_MS) * (0.5 + Math.random() / 2)
  const socket = {
    connectTimeout: 2_000,
    socketTimeout: SOCKET_TIMEOUT_MS,
    reconnectStrategy: reconnect,
    ...(tls === undefined ? {} : { ...tls, tls: true as const }),
  }
  const connectionOptions = {
    RESP: 2 as const,
    maintNotifications: 'disabled' as const,
    disableClientInfo: true,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    pingInterval: 1_000,
    socket,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }
  const [first] = nodes
  if (options.mode === 'cluster') {
    const { RESP, ...defaults } = connectionOptions
    const rootNodes = nodes.map(node => ({ socket: { ...socket, ...node } }))
    const client = createCluster({ RESP, rootNodes, defaults })
    return wrapClient(client, (key, args) => client.sendCommand(key, false, [...args]), options.onError)
  }
  if (options.mode === 'sentinel') {
    const { RESP, ...nodeClientOptions } = connectionOptions
    const client = createSentinel({
      RESP,
      name: options.master,
      sentinelRootNodes: nodes.map(node => ({ ...node })),
      nodeClientOptions: { ...nodeClientOptions, database: options.database },
      sentinelClientOptions: {
        socket,
        ...(options.sentinelPassword === undefined ? {} : { password: options.sentinelPassword }),
      },
      masterPoolSize: 1,
      scanInterval: 1_000,
      passthroughClientErrorEvents: true,
    })
    return wrapClient(client, (_key, args) => client.sendCommand(false, [...args]), options.onError)
  }
  const client = createClient({
    ...connectionOptions,
    database: options.database,
    socket: { ...socket, ...first },
  })
  return wrapClient(client, (_key, args) => client.sendCommand([...args]), options.onError)
}

function wrapClient(
  client: UnderlyingClient,
  send: RedisClient['send'],
  onError: (code: string) => void,
): RedisClient {
  let open = true
  let reconnectTimer: NodeJS.Timeout | undefined
  client.on('error', error => open && onError(errorCode(error)))
  const connect = (): void => {
    client.connect().catch((error: unknown) => {
      if (!open) return
      onError(errorCode(error))
      reconnectTimer = setTimeout(connect, MAX_RECONNECT_DELAY_MS)
    })
  }
  connect()
  return {
    async send(key, args) {
      try {
        return await send(key, args)
      } catch (error) {
        const code = errorCode(error)
        // The client reports the cause of a disconnection once; every command would report the fact again.
        if (open && code !== 'ClientOfflineError') onError(code)
        throw error
      }
    },
    async close() {
      open = false
      clearTimeout(reconnectTimer)
      try {
        await client.destroy()
      } catch {
        // The client was not open.
      }
    },
  }
}

/** A code such as `ECONNREFUSED`, or the first word of a Redis error such as `NOAUTH`. The rest may quote a command. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as NodeJS.ErrnoException
  const word = /^[A-Z]{3,20}\b/.exec(error.message)?.[0]
  return typeof code === 'string' ? code : (word ?? error.constructor.name)
}
