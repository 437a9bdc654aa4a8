/** lib/within — waiting for something shared, but not longer than one's own time. Knows nothing of access control. */
import type { Millis } from './time.ts'

/** Longest delay that Node's timers know. */
const LONGEST = 2_147_483_647

/** The value, or `late` when the time is over; what was waited for goes on (C25). */
export function within<T, L>(value: Promise<T>, left: Millis, late: L): Promise<T | L> {
  if (left <= 0) return Promise.resolve(late)
  const { promise, resolve, reject } = Promise.withResolvers<T | L>()
  const timer = setTimeout(resolve, Math.min(left, LONGEST), late)
  value.then(resolve, reject).finally(() => clearTimeout(timer))
  return promise
}
