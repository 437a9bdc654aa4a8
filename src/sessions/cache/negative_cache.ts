/** sessions/refusals — credentials that Kratos has just refused, and how many more of unknown ones it is asked about. Knows keys and addresses, no credential and no verified session. */

import { createLruCache } from '../../lib/cache.ts'
import type { Clock, Millis } from '../../lib/time.ts'

export interface NegativeCacheOptions {
  readonly clock: Clock
  /** How long a refusal is repeated without asking; 0: not at all. */
  readonly ttl: Millis
  readonly entries: number
}

/** A shelf of its own: however many credentials are invented, no verified session makes room for them (C20). */
export interface NegativeCache {
  has(key: string): boolean
  add(key: string): void
  clear(): void
}

export function createNegativeCache({ clock, ttl, entries }: NegativeCacheOptions): NegativeCache {
  const cache = createLruCache<true>({ clock, maxEntries: entries })
  return {
    has: key => cache.get(key) === true,
    add: key => cache.set(key, true, ttl),
    clear: cache.clear,
  }
}
