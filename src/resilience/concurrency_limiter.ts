/** Bulkhead: limits concurrent calls to one service and queues the rest, fairly among networks. */
import type { Awaitable } from '../access/awaitable.ts'
import { createFairQueue, type Release } from './fair_queue.ts'

export type { Release } from './fair_queue.ts'

export interface ConcurrencyLimiterOptions {
  /** Maximum number of concurrent calls. */
  readonly maxConcurrent: number
  /** Slots of these that only recently verified credentials may take, so that a flood of others does not delay them. */
  readonly reserved: number
  /** Maximum number of queued calls. */
  readonly maxPending: number
}

/** Who waits in the queue. */
export interface Waiter {
  /** Networks take turns, so that a flood from one does not delay the others. Default: one queue for all. */
  readonly network?: string
  /** `false`: no request waits for the result any more, and the slot goes to the next. Default: always wanted. */
  readonly isWanted?: () => boolean
}

export interface ConcurrencyLimiter {
  /**
   * Returns the function that frees the slot, immediately if a slot is free. `undefined` if the call is dropped: it is
   * not wanted any more, or the queue is full and holds no call that has to give way.
   */
  acquire(recentlyVerified: boolean, waiter?: Waiter): Awaitable<Release | undefined>
  readonly inFlight: number
  readonly pending: number
}

export function createConcurrencyLimiter({
  maxConcurrent,
  reserved,
  maxPending,
}: ConcurrencyLimiterOptions): ConcurrencyLimiter {
  const maxUnreserved = Math.max(1, maxConcurrent - reserved)
  const verifiedQueue = createFairQueue()
  const otherQueue = createFairQueue()
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

  /** Recently verified credentials first, then one network after the other, each in order of arrival. */
  function admitNext(): void {
    for (const recentlyVerified of [true, false]) {
      const queue = recentlyVerified ? verifiedQueue : otherQueue
      while (hasCapacity(recentlyVerified)) {
        const next = queue.takeNext()
        if (next === undefined) break
        next.resolve(next.isWanted() ? grant(recentlyVerified) : undefined)
      }
    }
  }

  /**
   * Unwanted calls leave first, then the newest of the network that has the most. Recently verified credentials displace
   * others in any case, or a flood from many networks would keep them out.
   */
  function makeRoom(recentlyVerified: boolean, network: string): boolean {
    for (const queue of [otherQueue, verifiedQueue]) queue.dropUnwanted()
    return pending() < maxPending || otherQueue.dropFromLongest(recentlyVerified ? undefined : network)
  }

  return {
    acquire(recentlyVerified, { network = '', isWanted = () => true } = {}) {
      if (hasCapacity(recentlyVerified)) return grant(recentlyVerified)
      if (pending() >= maxPending && !makeRoom(recentlyVerified, network)) return undefined
      const { promise, resolve } = Promise.withResolvers<Release | undefined>()
      const queue = recentlyVerified ? verifiedQueue : otherQueue
      queue.add(network, { resolve, isWanted })
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
