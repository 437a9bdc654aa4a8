/** Rate limit on calls for unknown credentials, counted by the rejections they cause. */
import { createLruCache } from '../lib/lru_cache.ts'
import { type Clock, millis } from '../lib/time.ts'
import { createTokenBucket, type TokenBucket } from '../lib/token_bucket.ts'
import { addressBlock, networkOf } from './network.ts'

export interface RejectionLimiterOptions {
  readonly clock: Clock
  /** Maximum number of rejections at once. */
  readonly burst: number
  readonly perSecond: number
}

/**
 * Only rejections of unknown credentials consume tokens, so logins cost nothing. Once half of the tokens are used, clients
 * whose address or network has used its share have to wait, which leaves the rest for other clients.
 */
export interface RejectionLimiter {
  /** `address`: IP address of the client; empty if unknown. */
  allows(address: string): boolean
  recordRejection(address: string): void
}

/**
 * Shares of `burst` and `perSecond`. One rejection proves nothing: an expired cookie before a login is the ordinary case.
 * A network has a larger share than an address, so that one flooding address does not use up that of its neighbors.
 */
const ADDRESS_SHARE = 0.01
const NETWORK_SHARE = 0.04
/** With a small `burst`, the number of rejections that an address or network may cause at once. */
const MIN_REJECTIONS = 3
const MAX_SOURCES = 20_000
/** A share that is full again needs no entry. Bounds the time for a limit that refills slowly. */
const MAX_RETENTION_S = 3_600

export function createRejectionLimiter(options: RejectionLimiterOptions): RejectionLimiter {
  const { clock, burst, perSecond } = options
  const bucket = createTokenBucket({ clock, capacity: burst, refillPerSecond: perSecond })
  /** What is left of their shares, by address and by network. */
  const shares = createLruCache<TokenBucket>({ clock, maxEntries: MAX_SOURCES })

  /** Returns whether anything was left. */
  function consumeShare(source: string, share: number): boolean {
    const capacity = Math.max(MIN_REJECTIONS, burst * share)
    const refillPerSecond = perSecond * share
    const left = shares.get(source) ?? createTokenBucket({ clock, capacity, refillPerSecond })
    const wasLeft = left.available >= 1
    if (wasLeft) left.consume()
    shares.set(source, left, millis(1_000 * Math.min(capacity / refillPerSecond, MAX_RETENTION_S)))
    return wasLeft
  }

  const hasShareLeft = (source: string): boolean => (shares.get(source)?.available ?? 1) >= 1

  return {
    allows(address) {
      const { available } = bucket
      if (available < 1) return false
      return (
        available > burst / 2 || (hasShareLeft(addressBlock(address)) && hasShareLeft(networkOf(address)))
      )
    },
    recordRejection(address) {
      bucket.consume()
      const block = addressBlock(address)
      const network = networkOf(address)
      // Beyond its own share an address costs its network nothing, or its neighbors would pay for it.
      if (consumeShare(block, ADDRESS_SHARE) && network !== block) consumeShare(network, NETWORK_SHARE)
    },
  }
}
