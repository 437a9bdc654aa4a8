/** lib/breathe — pauses in long work, so that others get their turn. Knows nothing of the work. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from './time.ts'

/** To be called between small steps; to be awaited where it gives a promise. */
export type Yielder = () => Promise<void> | undefined

/** A pause whenever `slice` ms of work are done. */
export function createYielder(timeSliceMs: number, clock: Clock): Yielder {
  let sliceStart = clock.now()
  return () => {
    if (clock.now() - sliceStart < timeSliceMs) return undefined
    return nextTurn().then(() => {
      sliceStart = clock.now()
    })
  }
}
