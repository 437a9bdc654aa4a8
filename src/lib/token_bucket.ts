/** A token bucket: a rate limit that allows bursts. */
import { type Clock, millisBetween } from './time.ts'

export interface TokenBucketOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Maximum number of tokens; the bucket starts full. */
  readonly capacity: number
  /** Tokens added per second. */
  readonly refillPerSecond: number
}

export interface TokenBucket {
  /** Tokens at this moment, fractions included; negative after more was consumed than was available. */
  readonly available: number
  /** Takes one token, even if none is available: the caller checks `available` first. */
  consume(): void
  /** Adds tokens, up to the capacity. */
  add(tokens: number): void
}

export function createTokenBucket({ clock, capacity, refillPerSecond }: TokenBucketOptions): TokenBucket {
  let tokens = capacity
  let refilledAt = clock.now()

  function refill(): number {
    const now = clock.now()
    tokens = Math.min(capacity, tokens + (millisBetween(refilledAt, now) / 1000) * refillPerSecond)
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
    add(added) {
      tokens = Math.min(capacity, refill() + added)
    },
  }
}
