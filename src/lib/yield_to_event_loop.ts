/** lib/breathe — pauses in long work, so that others get their turn. Knows nothing of the work. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from './time.ts'

/** To be called between small steps; to be awaited where it gives a promise. */
export type Breathe = () => Promise<void> | undefined

/** A pause whenever `slice` ms of work are done. */
export function breatheEvery(slice: number, clock: Clock): Breathe {
  let from = clock.now()
  return () => {
    if (clock.now() - from < slice) return undefined
    return nextTurn().then(() => {
      from = clock.now()
    })
  }
}
