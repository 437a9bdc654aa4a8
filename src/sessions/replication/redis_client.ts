/** sessions/bus_line — a connection to Redis that comes back by itself: one server, Sentinel or a Cluster. The only importer of redis. Knows commands, not what they are for. */
import type { ConnectionOptions } from 'node:tls'

export interface RedisClientOptions {
  readonly mode: 'single' | 'sentinel' | 'cluster'
  /** Of the server, the sentinels, or some servers of the cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  /** Name of the master that the sentinels watch. */
  readonly master: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly sentinelPassword: string | undefined
  readonly database: number
  readonly tls: ConnectionOptions | undefined
  /** Told of what the client stumbles over, as a code that names no credential. */
  readonly onError: (code: string) => void
}

export interface RedisClient {
  /** `key` decides on the server of a cluster. */
  send(key: string, args: readonly string[]): Promise<unknown>
  close(): Promise<void>
}

/** ms between tries to reach a server. */
const MAX_RECONNECT_DELAY_MS = 500
/** ms without a byte after which a connection counts as dead; each asks for a sign of life every second. */
const SOCKET_TIMEOUT_MS = 5_000

interface UnderlyingClient {
  connect(): Promise<unknown>
  on(event: 'error', listener: (error: unknown) => void): unknown
  destroy(): unknown
}

/** Connects in the background for as long as it takes. The package is loaded where Redis is configured. */
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
        // Why the line is down the client says by itself; that it is, each command would say again.
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
        // It was not open.
      }
    },
  }
}

/** `ECONNREFUSED`, or the first word of what Redis says (`NOAUTH`, `WRONGPASS`): the rest might quote what was sent. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = error as NodeJS.ErrnoException
  const word = /^[A-Z]{3,20}\b/.exec(error.message)?.[0]
  return typeof code === 'string' ? code : (word ?? error.constructor.name)
}
