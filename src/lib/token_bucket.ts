/** lib/bucket — a token bucket: what may be spent at once, and what comes back with time. Knows nothing of access control. */
import { type Clock, millisBetween } from './time.ts'

export interface TokenBucketOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Most tokens; it starts full. */
  readonly capacity: number
  /** Tokens that come back by themselves. */
  readonly refillPerSecond: number
}

export interface TokenBucket {
  /** Tokens at this moment; below 0 where more was spent than was there. */
  readonly available: number
  /** Whether there is one is for the caller to look at first. */
  consume(): void
  /** Gives back, or earns, a part of a token; never above the capacity. */
  add(tokens: number): void
}

export function createTokenBucket({
  clock,
  capacity,
  refillPerSecond: perSecond,
}: TokenBucketOptions): TokenBucket {
  let tokens = capacity
  let refilledAt = clock.now()

  function refill(): number {
    const now = clock.now()
    tokens = Math.min(capacity, tokens + (millisBetween(refilledAt, now) / 1000) * perSecond)
    refilledAt = now
    return tokens
  }

  return {
    get available() {
      return refill()
    },
    consume() {
      tokens = refill() - 1
    },
    add(earned) {
      tokens = Math.min(capacity, refill() + earned)
    },
  }
}
