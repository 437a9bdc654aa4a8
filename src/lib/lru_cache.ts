/** A bounded cache that evicts the least recently used entry; every entry has its own time to live. */
import { LRUCache } from 'lru-cache'
import type { Clock, Millis } from './time.ts'

export interface LruCache<Value> {
  /** `undefined` for a missing or expired entry. Marks the entry as recently used. */
  get(key: string): Value | undefined
  /** `ttl` in milliseconds; with 0 or less nothing is stored, and an existing entry stays. */
  set(key: string, value: Value, ttl: Millis): void
  delete(key: string): void
  clear(): void
  /** Number of entries; counts expired ones until they are read or evicted. */
  readonly size: number
  /** Size of these entries in bytes; 0 without `memory`. */
  readonly bytes: number
}

export interface LruCacheOptions<Value> {
  readonly clock: Pick<Clock, 'now'>
  readonly maxEntries: number
  /**
   * Bound of all values together. A value that alone is larger is not stored, and its key has no entry afterwards.
   * `sizeOf` is called once for each stored value and returns its size in bytes. Default: only `maxEntries` counts.
   */
  readonly memory?: { readonly maxBytes: number; readonly sizeOf: (value: Value) => number }
  /** Called for every stored value, after `onRemove` for the value that it replaces. */
  readonly onInsert?: (key: string, value: Value) => void
  /** Called for every value that leaves: deleted, replaced, expired when read, or evicted. */
  readonly onRemove?: (key: string, value: Value) => void
  /** Called after `onRemove` for every value that leaves for a newer one. */
  readonly onEvict?: () => void
}

/** lru-cache still returns an entry at the very end of its ttl; by RFC 9111, section 4.2, it is stale then. */
const ONE_NANOSECOND_MS = 1e-6

/** Expired entries are removed when they are read; there is no timer. */
export function createLruCache<Value extends {}>(options: LruCacheOptions<Value>): LruCache<Value> {
  // lru-cache allocates memory for all entries at once, 5 MB for 100,000. Most caches of an instance stay empty.
  let lru: LRUCache<string, Value> | undefined
  return {
    get: key => lru?.get(key),
    set(key, value, ttl) {
      if (ttl <= 0) return
      lru ??= allocate(options)
      lru.set(key, value, { ttl: Math.max(ttl - ONE_NANOSECOND_MS, ONE_NANOSECOND_MS) })
    },
    delete: key => void lru?.delete(key),
    clear: () => lru?.clear(),
    get size() {
      return lru?.size ?? 0
    },
    get bytes() {
      return lru?.calculatedSize ?? 0
    },
  }
}

/** An entry's own share: its key and its slots in the index and the list. */
const BYTES_PER_ENTRY = 200

function allocate<Value extends {}>(options: LruCacheOptions<Value>) {
  const { clock, maxEntries, memory, onInsert, onRemove, onEvict } = options
  return new LRUCache<string, Value>({
    max: maxEntries,
    ...(memory === undefined
      ? {}
      : {
          maxSize: memory.maxBytes,
          sizeCalculation: value => BYTES_PER_ENTRY + Math.ceil(memory.sizeOf(value)),
        }),
    perf: { now: () => clock.now() },
    // The default caches the time for a millisecond with a timer, which a clock under test does not advance.
    ttlResolution: 0,
    ...(onRemove === undefined && onEvict === undefined
      ? {}
      : {
          dispose: (value, key, reason) => {
            onRemove?.(key, value)
            if (reason === 'evict') onEvict?.()
          },
        }),
    ...(onInsert === undefined
      ? {}
      : {
          onInsert: (value, key, reason) => {
            // 'update' is the same value again: lru-cache does not dispose of it, so it is not new either.
            if (reason !== 'update') onInsert(key, value)
          },
        }),
  })
}
