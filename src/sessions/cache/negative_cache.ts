/** Cache of recently rejected credentials. Separate from verified sessions, so that a flood of credentials evicts none of them. */
import { createLruCache } from '../../lib/lru_cache.ts'
import type { Clock, Millis } from '../../lib/time.ts'

export interface NegativeCacheOptions {
  readonly clock: Clock
  /** How long a rejection is repeated without calling Kratos; 0 disables the cache. */
  readonly ttl: Millis
  readonly maxEntries: number
}

export interface NegativeCache {
  has(key: string): boolean
  add(key: string): void
  clear(): void
}

export function createNegativeCache({ clock, ttl, maxEntries }: NegativeCacheOptions): NegativeCache {
  const cache = createLruCache<true>({ clock, maxEntries })
  return {
    has: key => cache.get(key) === true,
    add: key => cache.set(key, true, ttl),
    clear: cache.clear,
  }
}
