/** sessions/places — how many questions one Kratos gets at a time, and who waits for a place. Knows who is known, no credential. */
import type { Awaitable } from '../../access/awaitable.ts'

export interface ConcurrencyLimiterOptions {
  /** Most questions at a time. */
  readonly maxConcurrent: number
  /** Of these, for credentials that were good lately: no flood of others makes them wait. */
  readonly reserved: number
  /** Most who wait; beyond it there is no place. */
  readonly maxPending: number
}

export interface ConcurrencyLimiter {
  /** The way to give the place back, at once where one is free; `undefined` when too many wait already. */
  acquire(known: boolean): Awaitable<Release | undefined>
  readonly inFlight: number
  readonly pending: number
}

export type Release = () => void

export function createConcurrencyLimiter({
  maxConcurrent,
  reserved,
  maxPending,
}: ConcurrencyLimiterOptions): ConcurrencyLimiter {
  const maxUnreserved = Math.max(1, maxConcurrent - reserved)
  const queues = { known: new Set<() => void>(), unknown: new Set<() => void>() }
  let inFlight = 0
  let unreserved = 0

  const hasCapacity = (known: boolean): boolean =>
    inFlight < maxConcurrent && (known || unreserved < maxUnreserved)
  const pending = (): number => queues.known.size + queues.unknown.size

  function grant(known: boolean): Release {
    inFlight++
    if (!known) unreserved++
    let active = true
    return () => {
      if (!active) return
      active = false
      inFlight--
      if (!known) unreserved--
      admitNext()
    }
  }

  /** Known ones first, then in the order of their coming. */
  function admitNext(): void {
    for (const known of [true, false]) {
      const [first] = queues[known ? 'known' : 'unknown']
      if (first === undefined || !hasCapacity(known)) continue
      queues[known ? 'known' : 'unknown'].delete(first)
      first()
      return
    }
  }

  return {
    acquire(known) {
      if (hasCapacity(known)) return grant(known)
      if (pending() >= maxPending) return undefined
      const { promise, resolve } = Promise.withResolvers<Release>()
      queues[known ? 'known' : 'unknown'].add(() => resolve(grant(known)))
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
