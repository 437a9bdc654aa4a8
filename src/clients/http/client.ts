/** HTTP client with connection pools, deadlines, size limits and retries; it follows no redirects. */
import { type Clock, millis, plusMillis } from '../../lib/time.ts'
import { type ExchangeRequest, httpFailure, performExchange, prepareRequest } from './exchange.ts'
import {
  deadlineOf,
  type HttpFailure,
  type HttpResponse,
  type OutgoingRequest,
  type Send,
} from './message.ts'
import { NO_PROXY, type ResolveProxy } from './proxy.ts'
import { createPool, loadProxyAgent } from './undici.ts'

export interface HttpClientDependencies {
  readonly clock: Clock
  /** Default 32. */
  readonly maxConnectionsPerOrigin?: number
  /**
   * Includes calls that wait for a connection. Further calls fail at once, so that a hanging service cannot
   * fill memory. Default 2,048.
   */
  readonly maxCallsPerOrigin?: number
  /**
   * Origins with open connections. Beyond it the least recently used pool closes after its last call. Default
   * 256.
   */
  readonly maxOrigins?: number
  /** Returns the proxy for an origin. Default: no proxy. */
  readonly resolveProxy?: ResolveProxy
}

export interface HttpClient {
  readonly send: Send
  /** Fails pending and later calls with the cause `closed`. */
  close(): Promise<void>
}

const DEFAULT_MAX_RESPONSE_BYTES = 1024 * 1024
const CONNECT_OPTIONS = { timeout: 5_000 }

/** HTTP/1.1 without redirects and without decompression: the client reports exactly what it received. */
const POOL_OPTIONS = {
  pipelining: 1,
  allowH2: false,
  // Each call has its own timer for the whole exchange. Undici's timers are a second, coarser limit.
  headersTimeout: 0,
  bodyTimeout: 0,
  connect: CONNECT_OPTIONS,
  // Below the 120 s after which Kratos and most other servers close an idle connection.
  keepAliveTimeout: 30_000,
  keepAliveMaxTimeout: 90_000,
  maxHeaderSize: 64 * 1024,
}

type ConnectionPool = ReturnType<typeof createPool>

interface OriginPool {
  readonly pool: ConnectionPool
  readonly proxied: boolean
  /** Calls that the pool still holds, including those whose caller has timed out. */
  activeCalls: number
}

/** Returns a client whose pools open with the first call to an origin. Close it to end its connections. */
export function createHttpClient(dependencies: HttpClientDependencies): HttpClient {
  const {
    clock,
    maxConnectionsPerOrigin = 32,
    maxCallsPerOrigin = 2_048,
    maxOrigins = 256,
    resolveProxy = NO_PROXY,
  } = dependencies
  const originPools = new Map<string, OriginPool>()
  /** Pools that accept no new calls and wait for their last ones to end. */
  const closingPools = new Set<ConnectionPool>()
  // Here, and not with the first call: loading takes longer than a call may.
  const createProxyAgent = resolveProxy === NO_PROXY ? undefined : loadProxyAgent()
  let isOpen = true

  /** `undefined`: the environment names a proxy that cannot be used. */
  function openPool(origin: string): OriginPool | undefined {
    const proxyUrl = resolveProxy(new URL(origin))
    if (proxyUrl === 'unusable') return undefined
    if (proxyUrl === undefined || createProxyAgent === undefined)
      return {
        pool: createPool(origin, { ...POOL_OPTIONS, connections: maxConnectionsPerOrigin }),
        proxied: false,
        activeCalls: 0,
      }
    // Like Go's client: CONNECT for https only, because many proxies refuse it for port 80.
    const proxy = {
      uri: proxyUrl,
      proxyTunnel: origin.startsWith('https:'),
      proxyTls: CONNECT_OPTIONS,
      requestTls: CONNECT_OPTIONS,
    }
    return {
      pool: createProxyAgent({ ...POOL_OPTIONS, ...proxy, connections: maxConnectionsPerOrigin }),
      proxied: true,
      activeCalls: 0,
    }
  }

  /** Keeps the map in order of last use, so that its first entry is the one to evict. */
  function poolFor(origin: string): OriginPool | undefined {
    const existing = originPools.get(origin)
    const originPool = existing ?? openPool(origin)
    if (originPool === undefined) return undefined
    originPools.delete(origin)
    originPools.set(origin, originPool)
    if (existing === undefined && originPools.size > maxOrigins) {
      const [oldestOrigin, { pool }] = originPools.entries().next().value as [string, OriginPool]
      originPools.delete(oldestOrigin)
      closingPools.add(pool)
      void pool.close().finally(() => closingPools.delete(pool))
    }
    return originPool
  }

  async function send(request: OutgoingRequest): Promise<HttpResponse | HttpFailure> {
    const { target, timeout, retries = 0, maxBytes = DEFAULT_MAX_RESPONSE_BYTES } = request
    const timesOutAt = plusMillis(clock.now(), timeout)
    const deadline = () => deadlineOf(request)
    const remaining = () => millis(Math.min(timesOutAt, deadline()) - clock.now())
    const timeoutCause = () => (deadline() <= timesOutAt ? 'deadline' : 'timeout')
    const prepared = prepareRequest(request)
    if (prepared === undefined)
      return httpFailure(target, 'malformed', 'not a request to an absolute http or https URL')
    for (let attempt = 0; ; attempt++) {
      if (!isOpen) return httpFailure(target, 'closed')
      if (remaining() <= 0) return httpFailure(target, timeoutCause())
      const originPool = poolFor(prepared.origin)
      if (originPool === undefined)
        return httpFailure(target, 'connect', 'the proxy that the environment names is not a valid URL')
      if (originPool.activeCalls >= maxCallsPerOrigin) return httpFailure(target, 'busy')
      originPool.activeCalls++
      const { proxied } = originPool
      const call: ExchangeRequest = {
        ...prepared,
        target,
        proxied,
        maxBytes,
        remaining,
        timeoutCause,
      }
      const { outcome, retryable } = await performExchange(originPool.pool, call, () => {
        originPool.activeCalls--
      })
      if (!retryable || attempt >= retries || request.mayRetry?.() === false) return outcome
    }
  }

  return {
    send,
    async close() {
      isOpen = false
      const pools = [...closingPools, ...[...originPools.values()].map(({ pool }) => pool)]
      originPools.clear()
      await Promise.all(pools.map(pool => pool.destroy()))
    },
  }
}
