/** Maximum age of the cache entries that allowed requests recently, for the staleness gauge. */
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'

/** Length of one window in ms. Two windows cover any scrape interval up to a minute. */
const WINDOW_MS = millis(60_000)

export interface StalenessTracker {
  record(age: Millis, now: Instant): void
  /** Maximum of the last one to two minutes in ms; 0 without any record. */
  readonly max: Millis
}

export function createStalenessTracker(clock: Pick<Clock, 'now'>): StalenessTracker {
  let windowStart = clock.now()
  let current = millis(0)
  let previous = millis(0)

  function rotate(now: Instant): void {
    const age = millisBetween(windowStart, now)
    if (age < WINDOW_MS) return
    previous = age < 2 * WINDOW_MS ? current : millis(0)
    current = millis(0)
    windowStart = now
  }

  return {
    record(age, now) {
      rotate(now)
      if (age > current) current = age
    },
    get max() {
      rotate(clock.now())
      return millis(Math.max(current, previous))
    },
  }
}
