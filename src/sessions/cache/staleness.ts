/** sessions/staleness — the oldest answer that was handed out lately, for the gauge that says how far behind Kratos anybody was let in. Knows ages, no session. */
import { type Clock, type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'

/** Ages are remembered for this span and the one before it, ms: a reader who comes once a minute misses none. */
const WINDOW_MS = millis(60_000)

export interface StalenessTracker {
  record(age: Millis, now: Instant): void
  /** Of the last one to two minutes; 0 when nothing was handed out. */
  readonly worst: Millis
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
    get worst() {
      rotate(clock.now())
      return millis(Math.max(current, previous))
    },
  }
}
