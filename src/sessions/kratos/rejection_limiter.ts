/** How many unknown credentials Kratos is asked about, for each network and in all. */

import { createShelf } from '../../lib/cache.ts'
import { type Clock, millis } from '../../lib/time.ts'
import { createBucket } from '../../lib/token_bucket.ts'

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
export const MEMORY = millis(10_000)

export const MOST_ADDRESSES = 10_000

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
export function networkOf(address: string): string {
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
