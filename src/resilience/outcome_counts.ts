/** Counts of successful and failed calls over the current window and the one before it. */
import { type Clock, millis, millisBetween } from '../lib/time.ts'
import { createDistinctSources, type Source } from './distinct_sources.ts'

/** Length of one window. Two of them are counted, so that a count does not drop to 0 at each change. */
const COUNTING_WINDOW_MS = millis(10_000)

export interface OutcomeCounts {
  /**
   * `source`: whom a failure may depend on alone. It counts once, and few of one network do; a further failure of it counts
   * neither as a call nor as failed. Returns whether the call counts.
   */
  add(failed: boolean, source?: Source): boolean
  readonly total: number
  readonly failed: number
}

/** `minFailures`: the smallest number of failures from which the caller draws a conclusion. */
export function createOutcomeCounts(clock: Pick<Clock, 'now'>, minFailures: number): OutcomeCounts {
  const sources = createDistinctSources(minFailures)
  let windowStart = clock.now()
  let current = { total: 0, failed: 0 }
  let previous = { total: 0, failed: 0 }
  return {
    add(failed, source) {
      const age = millisBetween(windowStart, clock.now())
      if (age >= COUNTING_WINDOW_MS) {
        previous = age < 2 * COUNTING_WINDOW_MS ? current : { total: 0, failed: 0 }
        current = { total: 0, failed: 0 }
        windowStart = clock.now()
        sources.rotate()
        if (age >= 2 * COUNTING_WINDOW_MS) sources.clear()
      }
      if (failed && source !== undefined && !sources.add(source)) return false
      current.total++
      if (failed) current.failed++
      return true
    },
    get total() {
      return current.total + previous.total
    },
    get failed() {
      return current.failed + previous.failed
    },
  }
}
