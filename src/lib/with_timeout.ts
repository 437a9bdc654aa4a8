/** Waits for a promise for a limited time, without cancelling what it stands for. */
import type { Millis } from './time.ts'

/** Node's timers fire at once when the delay is longer. */
const MAX_TIMER_DELAY_MS = 2_147_483_647

/**
 * Resolves to `fallback` after `timeout` milliseconds. The work behind `value` continues, because others may share it.
 * Rejects as `value` does.
 */
export function withTimeout<T, F>(value: Promise<T>, timeout: Millis, fallback: F): Promise<T | F> {
  if (timeout <= 0) return Promise.resolve(fallback)
  const { promise, resolve, reject } = Promise.withResolvers<T | F>()
  const timer = setTimeout(resolve, Math.min(timeout, MAX_TIMER_DELAY_MS), fallback)
  value.then(resolve, reject).finally(() => clearTimeout(timer))
  return promise
}
