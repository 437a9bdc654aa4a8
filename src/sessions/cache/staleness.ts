/** sessions/staleness — the oldest answer that was handed out lately, for the gauge that says how far behind Kratos anybody was let in. Knows ages, no session. */
import { between, type Clock, type Instant, type Millis, millis } from '../../lib/time.ts'

/** Ages are remembered for this span and the one before it, ms: a reader who comes once a minute misses none. */
const SPAN = millis(60_000)

export interface Staleness {
  saw(age: Millis, now: Instant): void
  /** Of the last one to two minutes; 0 when nothing was handed out. */
  readonly worst: Millis
}

export function createStaleness(clock: Pick<Clock, 'now'>): Staleness {
  let began = clock.now()
  let current = millis(0)
  let before = millis(0)

  function turn(now: Instant): void {
    const age = between(began, now)
    if (age < SPAN) return
    before = age < 2 * SPAN ? current : millis(0)
    current = millis(0)
    began = now
  }

  return {
    saw(age, now) {
      turn(now)
      if (age > current) current = age
    },
    get worst() {
      turn(clock.now())
      return millis(Math.max(current, before))
    },
  }
}
