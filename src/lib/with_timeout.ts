/** lib/within — waiting for something shared, but not longer than one's own time. Knows nothing of access control. */
import type { Millis } from './time.ts'

/** Longest delay that Node's timers know. */
const MAX_TIMER_DELAY_MS = 2_147_483_647

/** The value, or `late` when the time is over; what was waited for goes on (C25). */
export function withTimeout<T, L>(value: Promise<T>, timeout: Millis, fallback: L): Promise<T | L> {
  if (timeout <= 0) return Promise.resolve(fallback)
  const { promise, resolve, reject } = Promise.withResolvers<T | L>()
  const timer = setTimeout(resolve, Math.min(timeout, MAX_TIMER_DELAY_MS), fallback)
  value.then(resolve, reject).finally(() => clearTimeout(timer))
  return promise
}
