/** Limits how often one address may try keys and signatures of a route. */
import { createLruCache } from '../lib/lru_cache.ts'
import { type Clock, millis } from '../lib/time.ts'
import { createTokenBucket, type TokenBucket } from '../lib/token_bucket.ts'

export interface KeyAttempts {
  /** Whether the address has failed too often. */
  isLimited(address: string): boolean
  recordFailure(address: string): void
}

/** An operator who mistypes a key has several tries, and Kratos' hook with an old key is seen in the metric. */
const BURST = 10
const PER_SECOND = 1
const MAX_ADDRESSES = 1_000
/** An address that has not failed for this long has a full bucket again. */
const FORGET_AFTER_MS = millis((BURST / PER_SECOND) * 1_000)

/**
 * Limits the failures of each address. A right key is accepted always: the hook may share its address with another
 * client, a lost revocation lets an ended session live, and no key of sixteen characters can be guessed.
 */
export function createKeyAttempts(clock: Pick<Clock, 'now'>): KeyAttempts {
  const buckets = createLruCache<TokenBucket>({ clock, maxEntries: MAX_ADDRESSES })
  return {
    isLimited: address => (buckets.get(address)?.available ?? BURST) < 1,
    recordFailure(address) {
      const bucket =
        buckets.get(address) ?? createTokenBucket({ clock, capacity: BURST, refillPerSecond: PER_SECOND })
      bucket.consume()
      buckets.set(address, bucket, FORGET_AFTER_MS)
    },
  }
}
