/** clients/http — one bounded call to the outside: pools, deadline, size limit, no redirects. The only importer of undici. Knows nothing of access control. */
import { type Dispatcher, Pool, ProxyAgent } from 'undici'
import { between, type Clock, type Instant, millis } from '../../lib/time.ts'
import { type Exchange, exchange, failed, prepare } from './exchange.ts'
import type { Answered, Failed, OutgoingRequest, Send } from './message.ts'
import type { ProxyOf } from './proxy.ts'

export interface HttpOptions {
  readonly clock: Clock
  /** Most connections to one origin. */
  readonly connections?: number
  /** Most calls to one origin, those that wait for a connection included; more fail at once (G: a hanging service must not fill memory). */
  readonly callsPerOrigin?: number
  /** Most origins with open connections; beyond it the one not asked for longest is closed after its last call. */
  readonly origins?: number
  /** Which proxy an origin is reached through. Default none. */
  readonly proxyOf?: ProxyOf
}

export interface HttpClient {
  readonly send: Send
  /** Ends what is in flight with `closed`; later calls fail with it at once. */
  close(): Promise<void>
}

const MIB = 1024 * 1024
const CONNECT = { timeout: 5_000 }

/** HTTP/1.1 only, no redirects, no decompression: what came is what is reported. */
const POOL = {
  pipelining: 1,
  allowH2: false,
  // The total limit of each call is its own timer; these would be a second one, and a coarse one.
  headersTimeout: 0,
  bodyTimeout: 0,
  connect: CONNECT,
  // Below the 120 s after which Kratos (and most others) close an idle connection.
  keepAliveTimeout: 30_000,
  keepAliveMaxTimeout: 90_000,
  maxHeaderSize: 64 * 1024,
}

interface Door {
  readonly pool: Dispatcher
  /** Through a proxy. */
  readonly proxied: boolean
  /** Calls that the pool still holds, those included that nobody waits for any more. */
  calls: number
}

export function createHttp(options: HttpOptions): HttpClient {
  const { clock, connections = 32, callsPerOrigin = 2_048, origins = 256, proxyOf } = options
  const doors = new Map<string, Door>()
  /** Closed to new calls, waiting for the end of their last ones. */
  const leaving = new Set<Dispatcher>()
  let open = true

  /** `undefined`: only through a proxy that nobody can use. */
  function openDoor(origin: string): Door | undefined {
    const uri = proxyOf?.(new URL(origin))
    if (uri === 'unusable') return undefined
    if (uri === undefined)
      return { pool: new Pool(origin, { ...POOL, connections }), proxied: false, calls: 0 }
    // As Go's client: a tunnel for https alone, which is all that many proxies allow.
    const proxy = { uri, proxyTunnel: origin.startsWith('https:'), proxyTls: CONNECT, requestTls: CONNECT }
    return { pool: new ProxyAgent({ ...POOL, ...proxy, connections }), proxied: true, calls: 0 }
  }

  /** Map order is the order of last use. */
  function doorTo(origin: string): Door | undefined {
    const known = doors.get(origin)
    const door = known ?? openDoor(origin)
    if (door === undefined) return undefined
    doors.delete(origin)
    doors.set(origin, door)
    if (known === undefined && doors.size > origins) {
      const [oldest, { pool }] = doors.entries().next().value as [string, Door]
      doors.delete(oldest)
      leaving.add(pool)
      void pool.close().finally(() => leaving.delete(pool))
    }
    return door
  }

  async function send(request: OutgoingRequest): Promise<Answered | Failed> {
    const { target, timeout, retries = 0, maxBytes = MIB } = request
    const end = Math.min(clock.now() + timeout, request.deadline ?? Number.POSITIVE_INFINITY) as Instant
    const cause = end === request.deadline ? 'deadline' : 'timeout'
    const prepared = prepare(request)
    if (prepared === undefined) return failed(target, 'malformed', 'no call of an absolute http(s) URL')
    for (let tries = 0; ; tries++) {
      if (!open) return failed(target, 'closed')
      const left = between(clock.now(), end)
      if (left <= 0) return failed(target, cause)
      const door = doorTo(prepared.origin)
      if (door === undefined) return failed(target, 'connect', 'the proxy of the environment cannot be used')
      if (door.calls >= callsPerOrigin) return failed(target, 'busy')
      door.calls++
      const { proxied } = door
      const call: Exchange = { ...prepared, target, proxied, maxBytes, left: millis(Math.ceil(left)), cause }
      const { outcome, untouched } = await exchange(door.pool, call, () => {
        door.calls--
      })
      if (!untouched || tries >= retries || request.mayRetry?.() === false) return outcome
    }
  }

  return {
    send,
    async close() {
      open = false
      const pools = [...leaving, ...[...doors.values()].map(door => door.pool)]
      doors.clear()
      await Promise.all(pools.map(pool => pool.destroy()))
    },
  }
}
