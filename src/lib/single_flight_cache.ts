/** A cache that loads missing entries, and shares one load among all callers that wait for the same key. */
import { createLruCache, type LruCacheOptions } from './lru_cache.ts'
import type { Instant, Millis } from './time.ts'

export interface CacheEntry<Value> {
  readonly value: Value
  /** Milliseconds; with 0 or less nothing is stored, and an existing entry stays. */
  readonly ttl: Millis
}

/** Who waits for a load, for example a request. */
export interface Waiter {
  /** When it stops waiting. May move to the past when its client has left. */
  readonly deadline: Instant
}

export interface LoadRequest<Loaded, Value> {
  /** `wantedUntil` returns the latest deadline of all callers that wait, which is later after another one joined. */
  load(wantedUntil: () => Instant): Promise<Loaded>
  /** Called once with what was loaded. `undefined` leaves an existing entry in place; `evict` removes it. */
  toEntry(loaded: Loaded): CacheEntry<Value> | 'evict' | undefined
  /** Joins only a load that was also started with `fresh`, and replaces any other load of the key. */
  readonly fresh?: boolean
  /** Default: one that waits until the load ends. */
  readonly waiter?: Waiter
}

export interface PendingLoad<Loaded> {
  readonly promise: Promise<Loaded>
  /** Another caller started the load. */
  readonly shared: boolean
}

/**
 * `Value` is what the cache stores; `Loaded` is what a load returns, which may say more (a failure, for example).
 * A waiter that gives up does not cancel the load. Errors are not cached.
 */
export interface SingleFlightCache<Loaded, Value> {
  get(key: string): Value | undefined
  /** Joins the load of this key if one is in flight, else starts one. Does not look into the cache first. */
  load(key: string, request: LoadRequest<Loaded, Value>): PendingLoad<Loaded>
  /** Removes the entry; a load of the key that is in flight is neither joined nor cached. */
  evict(key: string): void
  /** Loads that are in flight are not joined any more. Their results are still cached, unless a later load ends first. */
  stopJoining(): void
  /** Loads that are in flight are neither joined nor cached. */
  abandonInFlight(): void
  /** Removes all entries and abandons all loads. */
  clear(): void
  readonly size: number
  /** Size of the entries in bytes; 0 unless the options have `memory`. */
  readonly bytes: number
  /** Number of keys with a load in flight. */
  readonly inFlight: number
}

interface InFlightLoad<Loaded> {
  promise: Promise<Loaded>
  readonly fresh: boolean
  /** It can be joined while this is the epoch of the cache. */
  readonly epoch: number
  /** Cleared by an eviction, by a fresh load, and when a later load of the key ends. */
  mayStore: boolean
  /** The load of the same key that this one replaced because it could not be joined. */
  older: InFlightLoad<Loaded> | undefined
  readonly waiters: Waiter[]
}

const PATIENT: Waiter = { deadline: Number.POSITIVE_INFINITY as Instant }
const NEVER_SETTLED = new Promise<never>(() => {})

/** lru-cache's own `fetch` does not fit: an entry that newer keys evict rejects its waiters. */
export function createSingleFlightCache<Loaded, Value extends {}>(
  options: LruCacheOptions<Value>,
): SingleFlightCache<Loaded, Value> {
  const entries = createLruCache(options)
  /** The latest load of each key. */
  const inFlight = new Map<string, InFlightLoad<Loaded>>()
  let epoch = 0

  async function run(
    key: string,
    own: InFlightLoad<Loaded>,
    request: LoadRequest<Loaded, Value>,
  ): Promise<Loaded> {
    /** An older load must not replace the result of this one, nor be retained by it. */
    const end = (): boolean => {
      const { mayStore } = own
      abandon(own)
      own.older = undefined
      if (inFlight.get(key) === own) inFlight.delete(key)
      return mayStore
    }
    try {
      const loaded = await request.load(() => latestDeadline(own.waiters))
      if (end()) store(key, request.toEntry(loaded))
      return loaded
    } finally {
      end()
    }
  }

  function store(key: string, entry: CacheEntry<Value> | 'evict' | undefined): void {
    if (entry === 'evict') entries.delete(key)
    else if (entry !== undefined) entries.set(key, entry.value, entry.ttl)
  }

  function abandonInFlight(): void {
    for (const load of inFlight.values()) abandon(load)
    inFlight.clear()
  }

  return {
    get: entries.get,
    load(key, request) {
      const fresh = request.fresh === true
      const current = inFlight.get(key)
      const { waiter = PATIENT } = request
      const replaced = current !== undefined && fresh && !current.fresh
      if (current !== undefined && current.epoch === epoch && !replaced) {
        current.waiters.push(waiter)
        return { promise: current.promise, shared: true }
      }
      if (replaced) abandon(current)
      const started: InFlightLoad<Loaded> = {
        fresh,
        promise: NEVER_SETTLED,
        epoch,
        mayStore: true,
        older: current,
        waiters: [waiter],
      }
      inFlight.set(key, started)
      started.promise = run(key, started, request)
      return { promise: started.promise, shared: false }
    },
    evict(key) {
      abandon(inFlight.get(key))
      inFlight.delete(key)
      entries.delete(key)
    },
    stopJoining() {
      epoch++
    },
    abandonInFlight,
    clear() {
      abandonInFlight()
      entries.clear()
    },
    get size() {
      return entries.size
    },
    get bytes() {
      return entries.bytes
    },
    get inFlight() {
      return inFlight.size
    },
  }
}

/** Read each time, because the deadline of a waiter can move. */
function latestDeadline(waiters: readonly Waiter[]): Instant {
  let latest = Number.NEGATIVE_INFINITY
  for (const { deadline } of waiters) if (deadline > latest) latest = deadline
  return latest as Instant
}

/** The load and all that it replaced store nothing. */
function abandon(latest: InFlightLoad<unknown> | undefined): void {
  for (let load = latest; load !== undefined; load = load.older) load.mayStore = false
}
