/** sessions/refusals — credentials that Kratos has just refused, and how many more of unknown ones it is asked about. Knows keys and addresses, no credential and no verified session. */

import { createShelf } from '../../lib/cache.ts'
import type { Clock, Millis } from '../../lib/time.ts'

export interface HopelessOptions {
  readonly clock: Clock
  /** How long a refusal is repeated without asking; 0: not at all. */
  readonly ttl: Millis
  readonly entries: number
}

/** A shelf of its own: however many credentials are invented, no verified session makes room for them (C20). */
export interface Hopeless {
  has(key: string): boolean
  add(key: string): void
  clear(): void
}

export function createHopeless({ clock, ttl, entries }: HopelessOptions): Hopeless {
  const shelf = createShelf<true>({ clock, entries })
  return {
    has: key => shelf.get(key) === true,
    add: key => shelf.put(key, true, ttl),
    clear: shelf.clear,
  }
}
