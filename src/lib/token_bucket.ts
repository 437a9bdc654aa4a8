/** lib/bucket — a token bucket: what may be spent at once, and what comes back with time. Knows nothing of access control. */
import { between, type Clock } from './time.ts'

export interface BucketOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Most tokens; it starts full. */
  readonly capacity: number
  /** Tokens that come back by themselves. */
  readonly perSecond: number
}

export interface Bucket {
  /** Tokens at this moment; below 0 where more was spent than was there. */
  readonly left: number
  /** Whether there is one is for the caller to look at first. */
  spend(): void
  /** Gives back, or earns, a part of a token; never above the capacity. */
  add(tokens: number): void
}

export function createBucket({ clock, capacity, perSecond }: BucketOptions): Bucket {
  let tokens = capacity
  let counted = clock.now()

  function refill(): number {
    const now = clock.now()
    tokens = Math.min(capacity, tokens + (between(counted, now) / 1000) * perSecond)
    counted = now
    return tokens
  }

  return {
    get left() {
      return refill()
    },
    spend() {
      tokens = refill() - 1
    },
    add(more) {
      tokens = Math.min(capacity, refill() + more)
    },
  }
}
