/** How many unknown credentials Kratos is asked about, for each network and in all. */

import { createLruCache } from '../../lib/cache.ts'
import { type Clock, millis } from '../../lib/time.ts'
import { createTokenBucket } from '../../lib/token_bucket.ts'

export interface RejectionLimiterOptions {
  readonly clock: Clock
  /** Most refusals at once. */
  readonly burst: number
  readonly perSecond: number
}

/**
 * Only refusals of unknown credentials spend it, so that log-ins cost nothing (G9). When half of it is gone, an address
 * that was refused lately waits for more of it to come back, and what is left is for the others.
 */
export interface RejectionLimiter {
  /** `address`: of the client, empty when unknown. */
  allows(address: string): boolean
  recordRejection(address: string): void
}

/** How long an address counts as refused lately. */
export const RECENT_REJECTION_MS = millis(10_000)

export const MAX_ADDRESSES = 10_000

export function createRejectionLimiter({
  clock,
  burst,
  perSecond,
}: RejectionLimiterOptions): RejectionLimiter {
  const bucket = createTokenBucket({ clock, capacity: burst, refillPerSecond: perSecond })
  const recentlyRejected = createLruCache<true>({ clock, maxEntries: MAX_ADDRESSES })
  return {
    allows(address) {
      const { available: left } = bucket
      return left >= 1 && (left > burst / 2 || recentlyRejected.get(networkOf(address)) === undefined)
    },
    recordRejection(address) {
      bucket.consume()
      recentlyRejected.set(networkOf(address), true, RECENT_REJECTION_MS)
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
