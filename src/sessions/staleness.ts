/** sessions/staleness — the oldest answer that was handed out lately, for the gauge that says how far behind Kratos anybody was let in. Knows ages, no session. */
import { between, type Clock, type Millis, millis } from '../lib/duration.ts'

/** Ages are remembered for this span and the one before it, ms: a reader who comes once a minute misses none. */
const SPAN = millis(60_000)

export interface Staleness {
  saw(age: Millis): void
  /** Of the last one to two minutes; 0 when nothing was handed out. */
  readonly worst: Millis
}

export function createStaleness(clock: Pick<Clock, 'now'>): Staleness {
  let began = clock.now()
  let current = millis(0)
  let before = millis(0)

  function turn(): void {
    const age = between(began, clock.now())
    if (age < SPAN) return
    before = age < 2 * SPAN ? current : millis(0)
    current = millis(0)
    began = clock.now()
  }

  return {
    saw(age) {
      turn()
      if (age > current) current = age
    },
    get worst() {
      turn()
      return millis(Math.max(current, before))
    },
  }
}
