/** Rate limit on calls for unknown credentials, counted by the rejections they cause. */
import { createLruCache } from '../lib/lru_cache.ts'
import { type Clock, millis } from '../lib/time.ts'
import { createTokenBucket } from '../lib/token_bucket.ts'

export interface RejectionLimiterOptions {
  readonly clock: Clock
  /** Maximum number of rejections at once. */
  readonly burst: number
  readonly perSecond: number
}

/**
 * Only rejections of unknown credentials consume tokens, so logins cost nothing. Once half of the tokens are used, clients
 * from a recently rejected network have to wait, which leaves the rest for other networks.
 */
export interface RejectionLimiter {
  /** `address`: IP address of the client; empty if unknown. */
  allows(address: string): boolean
  recordRejection(address: string): void
}

/** How long a network counts as recently rejected. */
const RECENT_REJECTION_MS = millis(10_000)
const MAX_NETWORKS = 10_000

export function createRejectionLimiter(options: RejectionLimiterOptions): RejectionLimiter {
  const { clock, burst, perSecond } = options
  const bucket = createTokenBucket({ clock, capacity: burst, refillPerSecond: perSecond })
  const recentlyRejected = createLruCache<true>({ clock, maxEntries: MAX_NETWORKS })
  return {
    allows(address) {
      const { available } = bucket
      if (available < 1) return false
      return available > burst / 2 || recentlyRejected.get(networkOf(address)) === undefined
    },
    recordRejection(address) {
      bucket.consume()
      recentlyRejected.set(networkOf(address), true, RECENT_REJECTION_MS)
    },
  }
}

/** IPv6 addresses count by their /64, the usual size of one customer network. */
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
