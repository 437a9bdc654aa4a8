/** Decides when requests are shed: too many in progress, or an event loop that is behind for some time. */

/** What a transport asks before it decides a request. */
export interface OverloadGuard {
  /** Whether a request that arrives now must be denied at once. */
  readonly overloaded: boolean
  /** Requests whose decision waits for something. The transport counts them here. */
  inProgress: number
}

export interface OverloadMonitor extends OverloadGuard {
  /** Whether the event loop was behind for so long that other replicas should get the requests. */
  readonly stalled: boolean
  /** Records how late a timer ran, in ms, and when, in monotonic ms. Samples must be frequent. */
  sampleDelay(delayMs: number, now: number): void
}

export interface OverloadOptions {
  readonly maxInProgress: number
  /** ms; `undefined`: the delay of the event loop sheds nothing. */
  readonly maxDelayMs: number | undefined
  /** Called when the delay begins or ends to shed requests. */
  readonly onChange: (shedding: boolean) => void
}

/** A single long task, such as a garbage collection, delays what waits but is over when it is seen. */
const SHED_AFTER_MS = 250
const ADMIT_AFTER_MS = 100
/** Much longer, because shedding usually helps, and Envoy would send everything to the other replicas. */
const STALLED_AFTER_MS = 3_000

/**
 * A delay above `maxDelayMs` counts as high, one below half of it as low. One between keeps the state, so that
 * a load near the limit does not switch it with each sample.
 */
export function createOverloadMonitor(options: OverloadOptions): OverloadMonitor {
  const { maxInProgress, maxDelayMs = Number.POSITIVE_INFINITY, onChange } = options
  let highSince: number | undefined
  let lowSince: number | undefined
  let shedding = false
  let stalled = false
  return {
    inProgress: 0,
    get overloaded() {
      return shedding || this.inProgress >= maxInProgress
    },
    get stalled() {
      return stalled
    },
    sampleDelay(delayMs, now) {
      highSince = delayMs > maxDelayMs ? (highSince ?? now) : undefined
      lowSince = delayMs < maxDelayMs / 2 ? (lowSince ?? now) : undefined
      const high = highSince === undefined ? -1 : now - highSince
      const low = lowSince === undefined ? -1 : now - lowSince
      stalled = stalled ? low < STALLED_AFTER_MS : high >= STALLED_AFTER_MS
      const sheds = shedding ? low < ADMIT_AFTER_MS : high >= SHED_AFTER_MS
      if (sheds === shedding) return
      shedding = sheds
      onChange(sheds)
    },
  }
}
