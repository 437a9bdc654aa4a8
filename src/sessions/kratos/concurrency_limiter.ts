/** Bulkhead: limits concurrent calls to one Kratos and queues the rest. */
import type { Awaitable } from '../../access/awaitable.ts'

export interface ConcurrencyLimiterOptions {
  /** Maximum number of concurrent calls. */
  readonly maxConcurrent: number
  /** Slots of these that only recently verified credentials may take, so that a flood of others does not delay them. */
  readonly reserved: number
  /** Maximum number of queued calls. */
  readonly maxPending: number
}

export interface ConcurrencyLimiter {
  /** Returns the function that frees the slot, immediately if a slot is free. `undefined` if the queue is full. */
  acquire(recentlyVerified: boolean): Awaitable<Release | undefined>
  readonly inFlight: number
  readonly pending: number
}

/** Frees the slot. Further calls have no effect. */
export type Release = () => void

export function createConcurrencyLimiter({
  maxConcurrent,
  reserved,
  maxPending,
}: ConcurrencyLimiterOptions): ConcurrencyLimiter {
  const maxUnreserved = Math.max(1, maxConcurrent - reserved)
  const verifiedQueue = new Set<() => void>()
  const otherQueue = new Set<() => void>()
  let inFlight = 0
  let unreserved = 0

  const hasCapacity = (recentlyVerified: boolean): boolean =>
    inFlight < maxConcurrent && (recentlyVerified || unreserved < maxUnreserved)
  const pending = (): number => verifiedQueue.size + otherQueue.size

  function grant(recentlyVerified: boolean): Release {
    inFlight++
    if (!recentlyVerified) unreserved++
    let active = true
    return () => {
      if (!active) return
      active = false
      inFlight--
      if (!recentlyVerified) unreserved--
      admitNext()
    }
  }

  /** Recently verified credentials first, then in order of arrival. */
  function admitNext(): void {
    for (const recentlyVerified of [true, false]) {
      const queue = recentlyVerified ? verifiedQueue : otherQueue
      const [next] = queue
      if (next === undefined || !hasCapacity(recentlyVerified)) continue
      queue.delete(next)
      next()
      return
    }
  }

  return {
    acquire(recentlyVerified) {
      if (hasCapacity(recentlyVerified)) return grant(recentlyVerified)
      if (pending() >= maxPending) return undefined
      const { promise, resolve } = Promise.withResolvers<Release>()
      const queue = recentlyVerified ? verifiedQueue : otherQueue
      queue.add(() => resolve(grant(recentlyVerified)))
      return promise
    },
    get inFlight() {
      return inFlight
    },
    get pending() {
      return pending()
    },
  }
}
