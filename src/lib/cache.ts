/** lib/cache — a bounded shelf with a lifetime per entry, and one flight for many who wait. The only importer of lru-cache. Knows nothing of access control. */
import { LRUCache } from 'lru-cache'
import { type Clock, type Instant, type Millis, plusMillis } from './time.ts'

/** What of an answer stays, and how long. */
export interface CacheEntry<Kept> {
  readonly value: Kept
  /** 0 or less: not at all. */
  readonly ttl: Millis
}

export interface PendingLoad<Answer> {
  readonly promise: Promise<Answer>
  /** Somebody else had asked already. */
  readonly shared: boolean
}

export interface LoadRequest<Answer, Kept> {
  load(): Promise<Answer>
  /** Called once with the answer. `undefined`: what was there stays; `drop`: it goes. */
  toEntry(answer: Answer): CacheEntry<Kept> | 'drop' | undefined
  /** Does not join a flight that anybody began without this mark; its own replaces that one. */
  readonly fresh?: boolean
}

/**
 * Answers are shared while they are under way and kept while they are good. A flight belongs to nobody: whoever leaves
 * does not end it. Failures are never kept (C25), nor is an answer whose flight began before its key was evicted (C24).
 */
export interface LoadingCache<Answer, Kept> {
  get(key: string): Kept | undefined
  load(key: string, question: LoadRequest<Answer, Kept>): PendingLoad<Answer>
  evict(key: string): void
  /** Nobody joins what is under way any more, and its answers are not kept (C24). */
  abandonInFlight(): void
  clear(): void
  readonly size: number
  readonly inFlight: number
}

/** What is kept while it is good, and no longer than there is room. */
export interface LruCache<Kept> {
  get(key: string): Kept | undefined
  /** A `ttl` of 0 or less: not at all, and what was there stays. */
  set(key: string, value: Kept, ttl: Millis): void
  delete(key: string): void
  clear(): void
  readonly size: number
}

export interface CacheOptions<Kept> {
  readonly clock: Clock
  /** Most entries; beyond it the least recently used goes. */
  readonly maxEntries: number
  /** Told of every entry that came, after the one that it takes the place of has gone. */
  readonly onInsert?: (key: string, value: Kept) => void
  /** Told of every entry that goes, whatever the reason; also of one that another takes the place of. */
  readonly onRemove?: (key: string, value: Kept) => void
}

interface StoredEntry<Kept> {
  readonly value: Kept
  readonly expiresAt: Instant
}

interface InFlightLoad<Answer> {
  promise: Promise<Answer>
  readonly fresh: boolean
}

const NEVER_SETTLED = new Promise<never>(() => {})

export function createLruCache<Kept>({
  clock,
  maxEntries: entries,
  onInsert: came,
  onRemove: gone,
}: CacheOptions<Kept>): LruCache<Kept> {
  // Lifetimes are compared here, on our own clock: lru-cache takes a lifetime of 0 for an endless one.
  let lru: LRUCache<string, StoredEntry<Kept>> | undefined
  // It takes room for all entries at once, 3 MB for 100,000; most shelves of an instance never have one.
  const build = () =>
    new LRUCache<string, StoredEntry<Kept>>({
      max: entries,
      ...(gone === undefined ? {} : { dispose: (entry, key) => gone(key, entry.value) }),
    })
  return {
    get(key) {
      const entry = lru?.get(key)
      if (entry === undefined) return undefined
      if (entry.expiresAt > clock.now()) return entry.value
      lru?.delete(key)
      return undefined
    },
    set(key, value, ttl) {
      if (ttl <= 0) return
      lru ??= build()
      lru.set(key, { value, expiresAt: plusMillis(clock.now(), ttl) })
      came?.(key, value)
    },
    delete: key => void lru?.delete(key),
    clear: () => lru?.clear(),
    get size() {
      return lru?.size ?? 0
    },
  }
}

export function createLoadingCache<Answer, Kept>(options: CacheOptions<Kept>): LoadingCache<Answer, Kept> {
  const lru = createLruCache(options)
  // Not lru-cache's `fetch`: there, an entry pushed out by newer keys rejects its waiters.
  const inFlight = new Map<string, InFlightLoad<Answer>>()

  async function runLoad(
    key: string,
    own: InFlightLoad<Answer>,
    request: LoadRequest<Answer, Kept>,
  ): Promise<Answer> {
    // Only a flight that is still on record may store: an eviction, or a fresher flight, took the others off it.
    const unregister = () => inFlight.get(key) === own && inFlight.delete(key)
    try {
      const loaded = await request.load()
      if (unregister()) store(key, request.toEntry(loaded))
      return loaded
    } finally {
      unregister()
    }
  }

  function store(key: string, entry: CacheEntry<Kept> | 'drop' | undefined): void {
    if (entry === 'drop') lru.delete(key)
    else if (entry !== undefined) lru.set(key, entry.value, entry.ttl)
  }

  return {
    get: lru.get,
    load(key, question) {
      const fresh = question.fresh === true
      const current = inFlight.get(key)
      if (current !== undefined && (current.fresh || !fresh))
        return { promise: current.promise, shared: true }
      const started: InFlightLoad<Answer> = { fresh, promise: NEVER_SETTLED }
      inFlight.set(key, started)
      started.promise = runLoad(key, started, question)
      return { promise: started.promise, shared: false }
    },
    evict(key) {
      inFlight.delete(key)
      lru.delete(key)
    },
    abandonInFlight: () => inFlight.clear(),
    clear() {
      inFlight.clear()
      lru.clear()
    },
    get size() {
      return lru.size
    },
    get inFlight() {
      return inFlight.size
    },
  }
}
