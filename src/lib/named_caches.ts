/** Caches by name, each created when it is first used. */
import { estimateHeapBytes } from './heap_size.ts'
import { createSingleFlightCache, type SingleFlightCache } from './single_flight_cache.ts'
import type { Clock } from './time.ts'

export interface NamedCachesOptions {
  readonly clock: Clock
  /** For each cache; beyond it the least recently used entry is evicted. */
  readonly maxEntries: number
  /** For each cache: estimated size of its values, which must be plain data. */
  readonly maxBytes: number
}

/** Returns the cache of a name. The caller vouches for the types: one name must always be used with the same. */
export function createNamedCaches({
  clock,
  maxEntries,
  maxBytes,
}: NamedCachesOptions): <Loaded, Value extends {}>(name: string) => SingleFlightCache<Loaded, Value> {
  const options = { clock, maxEntries, memory: { maxBytes, sizeOf: estimateHeapBytes } }
  const caches = new Map<string, unknown>()
  return <Loaded, Value extends {}>(name: string) => {
    const cache = caches.get(name) ?? createSingleFlightCache<Loaded, Value>(options)
    caches.set(name, cache)
    return cache as SingleFlightCache<Loaded, Value>
  }
}
