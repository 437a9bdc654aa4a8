/** Counts of successful and failed calls over the current window and the one before it. */
import { type Clock, millis, millisBetween } from '../lib/time.ts'

/** Length of one window. Two of them are counted, so that a count does not drop to 0 at each change. */
const COUNTING_WINDOW_MS = millis(10_000)

export interface OutcomeCounts {
  add(failed: boolean): void
  readonly total: number
  readonly failed: number
}

export function createOutcomeCounts(clock: Pick<Clock, 'now'>): OutcomeCounts {
  let windowStart = clock.now()
  let current = { total: 0, failed: 0 }
  let previous = { total: 0, failed: 0 }
  return {
    add(failed) {
      const age = millisBetween(windowStart, clock.now())
      if (age >= COUNTING_WINDOW_MS) {
        previous = age < 2 * COUNTING_WINDOW_MS ? current : { total: 0, failed: 0 }
        current = { total: 0, failed: 0 }
        windowStart = clock.now()
      }
      current.total++
      if (failed) current.failed++
    },
    get total() {
      return current.total + previous.total
    },
    get failed() {
      return current.failed + previous.failed
    },
  }
}
