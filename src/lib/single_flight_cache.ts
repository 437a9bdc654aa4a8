/** A cache that loads missing entries, and shares one load among all callers that wait for the same key. */
import { createLruCache, type LruCacheOptions } from './lru_cache.ts'
import type { Millis } from './time.ts'

export interface CacheEntry<Value> {
  readonly value: Value
  /** Milliseconds; with 0 or less nothing is stored, and an existing entry stays. */
  readonly ttl: Millis
}

export interface LoadRequest<Loaded, Value> {
  load(): Promise<Loaded>
  /** Called once with what was loaded. `undefined` leaves an existing entry in place; `evict` removes it. */
  toEntry(loaded: Loaded): CacheEntry<Value> | 'evict' | undefined
  /** Joins only a load that was also started with `fresh`, and replaces any other load of the key. */
  readonly fresh?: boolean
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
  /** Loads that are in flight are neither joined nor cached. */
  abandonInFlight(): void
  /** Removes all entries and abandons all loads. */
  clear(): void
  readonly size: number
  /** Number of loads that can be joined. */
  readonly inFlight: number
}

interface InFlightLoad<Loaded> {
  promise: Promise<Loaded>
  readonly fresh: boolean
}

const NEVER_SETTLED = new Promise<never>(() => {})

/** lru-cache's own `fetch` does not fit: an entry that newer keys evict rejects its waiters. */
export function createSingleFlightCache<Loaded, Value extends {}>(
  options: LruCacheOptions<Value>,
): SingleFlightCache<Loaded, Value> {
  const entries = createLruCache(options)
  const inFlight = new Map<string, InFlightLoad<Loaded>>()

  async function run(
    key: string,
    own: InFlightLoad<Loaded>,
    request: LoadRequest<Loaded, Value>,
  ): Promise<Loaded> {
    // Only a registered load may store: an eviction, or a fresh load, has unregistered the others.
    const unregister = () => inFlight.get(key) === own && inFlight.delete(key)
    try {
      const loaded = await request.load()
      if (unregister()) store(key, request.toEntry(loaded))
      return loaded
    } finally {
      unregister()
    }
  }

  function store(key: string, entry: CacheEntry<Value> | 'evict' | undefined): void {
    if (entry === 'evict') entries.delete(key)
    else if (entry !== undefined) entries.set(key, entry.value, entry.ttl)
  }

  return {
    get: entries.get,
    load(key, request) {
      const fresh = request.fresh === true
      const current = inFlight.get(key)
      if (current !== undefined && (current.fresh || !fresh))
        return { promise: current.promise, shared: true }
      const started: InFlightLoad<Loaded> = { fresh, promise: NEVER_SETTLED }
      inFlight.set(key, started)
      started.promise = run(key, started, request)
      return { promise: started.promise, shared: false }
    },
    evict(key) {
      inFlight.delete(key)
      entries.delete(key)
    },
    abandonInFlight: () => inFlight.clear(),
    clear() {
      inFlight.clear()
      entries.clear()
    },
    get size() {
      return entries.size
    },
    get inFlight() {
      return inFlight.size
    },
  }
}
