/** clients/http — one bounded call to the outside: pools, deadline, size limit, no redirects. The only importer of undici. Knows nothing of access control. */
import { type Dispatcher, Pool, ProxyAgent } from 'undici'
import { type Clock, type Instant, millis, millisBetween } from '../../lib/time.ts'
import { type ExchangeRequest, httpFailure, performExchange, prepareRequest } from './exchange.ts'
import type { HttpFailure, HttpResponse, OutgoingRequest, Send } from './message.ts'
import type { ResolveProxy } from './proxy.ts'

export interface HttpClientDependencies {
  readonly clock: Clock
  /** Most connections to one origin. */
  readonly maxConnectionsPerOrigin?: number
  /** Most calls to one origin, those that wait for a connection included; more fail at once (G: a hanging service must not fill memory). */
  readonly maxCallsPerOrigin?: number
  /** Most origins with open connections; beyond it the one not asked for longest is closed after its last call. */
  readonly maxOrigins?: number
  /** Which proxy an origin is reached through. Default none. */
  readonly resolveProxy?: ResolveProxy
}

export interface HttpClient {
  readonly send: Send
  /** Ends what is in flight with `closed`; later calls fail with it at once. */
  close(): Promise<void>
}

const DEFAULT_MAX_RESPONSE_BYTES = 1024 * 1024
const CONNECT_OPTIONS = { timeout: 5_000 }

/** HTTP/1.1 only, no redirects, no decompression: what came is what is reported. */
const POOL_OPTIONS = {
  pipelining: 1,
  allowH2: false,
  // The total limit of each call is its own timer; these would be a second one, and a coarse one.
  headersTimeout: 0,
  bodyTimeout: 0,
  connect: CONNECT_OPTIONS,
  // Below the 120 s after which Kratos (and most others) close an idle connection.
  keepAliveTimeout: 30_000,
  keepAliveMaxTimeout: 90_000,
  maxHeaderSize: 64 * 1024,
}

interface OriginPool {
  readonly pool: Dispatcher
  /** Through a proxy. */
  readonly proxied: boolean
  /** Calls that the pool still holds, those included that nobody waits for any more. */
  activeCalls: number
}

export function createHttpClient(options: HttpClientDependencies): HttpClient {
  const {
    clock,
    maxConnectionsPerOrigin = 32,
    maxCallsPerOrigin = 2_048,
    maxOrigins = 256,
    resolveProxy,
  } = options
  const originPools = new Map<string, OriginPool>()
  /** Closed to new calls, waiting for the end of their last ones. */
  const closingPools = new Set<Dispatcher>()
  let isOpen = true

  /** `undefined`: only through a proxy that nobody can use. */
  function openPool(origin: string): OriginPool | undefined {
    const proxyUrl = resolveProxy?.(new URL(origin))
    if (proxyUrl === 'unusable') return undefined
    if (proxyUrl === undefined)
      return {
        pool: new Pool(origin, { ...POOL_OPTIONS, connections: maxConnectionsPerOrigin }),
        proxied: false,
        activeCalls: 0,
      }
    // As Go's client: a tunnel for https alone, which is all that many proxies allow.
    const proxy = {
      uri: proxyUrl,
      proxyTunnel: origin.startsWith('https:'),
      proxyTls: CONNECT_OPTIONS,
      requestTls: CONNECT_OPTIONS,
    }
    return {
      pool: new ProxyAgent({ ...POOL_OPTIONS, ...proxy, connections: maxConnectionsPerOrigin }),
      proxied: true,
      activeCalls: 0,
    }
  }

  /** Map order is the order of last use. */
  function poolFor(origin: string): OriginPool | undefined {
    const known = originPools.get(origin)
    const originPool = known ?? openPool(origin)
    if (originPool === undefined) return undefined
    originPools.delete(origin)
    originPools.set(origin, originPool)
    if (known === undefined && originPools.size > maxOrigins) {
      const [oldestOrigin, { pool }] = originPools.entries().next().value as [string, OriginPool]
      originPools.delete(oldestOrigin)
      closingPools.add(pool)
      void pool.close().finally(() => closingPools.delete(pool))
    }
    return originPool
  }

  async function send(request: OutgoingRequest): Promise<HttpResponse | HttpFailure> {
    const { target, timeout, retries = 0, maxBytes = DEFAULT_MAX_RESPONSE_BYTES } = request
    const endsAt = Math.min(clock.now() + timeout, request.deadline ?? Number.POSITIVE_INFINITY) as Instant
    const cause = endsAt === request.deadline ? 'deadline' : 'timeout'
    const prepared = prepareRequest(request)
    if (prepared === undefined) return httpFailure(target, 'malformed', 'no call of an absolute http(s) URL')
    for (let attempt = 0; ; attempt++) {
      if (!isOpen) return httpFailure(target, 'closed')
      const remaining = millisBetween(clock.now(), endsAt)
      if (remaining <= 0) return httpFailure(target, cause)
      const door = poolFor(prepared.origin)
      if (door === undefined)
        return httpFailure(target, 'connect', 'the proxy of the environment cannot be used')
      if (door.activeCalls >= maxCallsPerOrigin) return httpFailure(target, 'busy')
      door.activeCalls++
      const { proxied } = door
      const call: ExchangeRequest = {
        ...prepared,
        target,
        proxied,
        maxBytes,
        remaining: millis(Math.ceil(remaining)),
        timeoutCause: cause,
      }
      const { outcome, retryable: untouched } = await performExchange(door.pool, call, () => {
        door.activeCalls--
      })
      if (!untouched || attempt >= retries || request.mayRetry?.() === false) return outcome
    }
  }

  return {
    send,
    async close() {
      isOpen = false
      const pools = [...closingPools, ...[...originPools.values()].map(door => door.pool)]
      originPools.clear()
      await Promise.all(pools.map(pool => pool.destroy()))
    },
  }
}
