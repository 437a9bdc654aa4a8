/** sessions/places — how many questions one Kratos gets at a time, and who waits for a place. Knows who is known, no credential. */
import type { Awaitable } from '../../access/awaitable.ts'

export interface PlacesOptions {
  /** Most questions at a time. */
  readonly places: number
  /** Of these, for credentials that were good lately: no flood of others makes them wait. */
  readonly reserved: number
  /** Most who wait; beyond it there is no place. */
  readonly waiting: number
}

export interface Places {
  /** The way to give the place back, at once where one is free; `undefined` when too many wait already. */
  take(known: boolean): Awaitable<Leave | undefined>
  readonly taken: number
  readonly waiting: number
}

export type Leave = () => void

export function createPlaces({ places, reserved, waiting }: PlacesOptions): Places {
  const forUnknown = Math.max(1, places - reserved)
  const queues = { known: new Set<() => void>(), unknown: new Set<() => void>() }
  let taken = 0
  let byUnknown = 0

  const free = (known: boolean): boolean => taken < places && (known || byUnknown < forUnknown)
  const inLine = (): number => queues.known.size + queues.unknown.size

  function sit(known: boolean): Leave {
    taken++
    if (!known) byUnknown++
    let seated = true
    return () => {
      if (!seated) return
      seated = false
      taken--
      if (!known) byUnknown--
      next()
    }
  }

  /** Known ones first, then in the order of their coming. */
  function next(): void {
    for (const known of [true, false]) {
      const [first] = queues[known ? 'known' : 'unknown']
      if (first === undefined || !free(known)) continue
      queues[known ? 'known' : 'unknown'].delete(first)
      first()
      return
    }
  }

  return {
    take(known) {
      if (free(known)) return sit(known)
      if (inLine() >= waiting) return undefined
      const { promise, resolve } = Promise.withResolvers<Leave>()
      queues[known ? 'known' : 'unknown'].add(() => resolve(sit(known)))
      return promise
    },
    get taken() {
      return taken
    },
    get waiting() {
      return inLine()
    },
  }
}
