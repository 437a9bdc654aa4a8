/** sessions/refusals — credentials that Kratos has just refused, and how many more of unknown ones it is asked about. Knows keys and addresses, no credential and no verified session. */

import { createShelf } from '../../lib/cache.ts'
import { type Clock, type Millis, millis } from '../../lib/time.ts'
import { createBucket } from '../../lib/token_bucket.ts'

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

export interface BudgetOptions {
  readonly clock: Clock
  /** Most refusals at once. */
  readonly burst: number
  readonly perSecond: number
}

/**
 * Only refusals of unknown credentials spend it, so that log-ins cost nothing (G9). When half of it is gone, an address
 * that was refused lately waits for more of it to come back, and what is left is for the others.
 */
export interface RefusalBudget {
  /** `address`: of the client, empty when unknown. */
  allows(address: string): boolean
  refused(address: string): void
}

/** How long an address counts as refused lately. */
const MEMORY = millis(10_000)
const MOST_ADDRESSES = 10_000

export function createRefusalBudget({ clock, burst, perSecond }: BudgetOptions): RefusalBudget {
  const bucket = createBucket({ clock, capacity: burst, perSecond })
  const lately = createShelf<true>({ clock, entries: MOST_ADDRESSES })
  return {
    allows(address) {
      const { left } = bucket
      return left >= 1 && (left > burst / 2 || lately.get(networkOf(address)) === undefined)
    },
    refused(address) {
      bucket.spend()
      lately.put(networkOf(address), true, MEMORY)
    },
  }
}

/** One customer's IPv6 addresses are a /64. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head.split(':')
  if (tail !== undefined) {
    const rest = tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return groups.slice(0, 4).join(':')
}
