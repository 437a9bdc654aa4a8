/** Yields to the event loop during long work, so that requests are served in between. */
import { setImmediate as nextIteration } from 'node:timers/promises'
import type { Clock } from './time.ts'

/** Call it between small steps, and await the promise where it returns one. */
export type Yielder = () => Promise<void> | undefined

/** Yields after every `timeSliceMs` milliseconds of work. */
export function createYielder(timeSliceMs: number, clock: Pick<Clock, 'now'>): Yielder {
  let sliceStart = clock.now()
  return () => {
    if (clock.now() - sliceStart < timeSliceMs) return undefined
    return nextIteration().then(() => {
      sliceStart = clock.now()
    })
  }
}
