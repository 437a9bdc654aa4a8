/** rules/poll — when everything is read again without a notice: on a beat where one is asked for, soon and then more rarely after a failure. Knows no rule. */
import { type Millis, millis } from '../../lib/time.ts'

/** How a reading went. */
export interface PollState {
  /** Between two readings of repositories from which no notice comes; 0: none. */
  readonly interval: Millis
  /** There is such a repository. */
  readonly remote: boolean
  /** One of them could not be read, or nothing can be served. */
  readonly failing: boolean
}

export interface ReloadPoller {
  /** To be told after every reading, whatever caused it; sets when the next is due. */
  reschedule(reading: PollState): void
  close(): void
}

/** Milliseconds after the first failure; doubled with each further one. */
const MIN_BACKOFF_MS = 5_000
const MAX_BACKOFF_MS = 60_000
/** Of each delay, so that replicas do not ask all at once. */
const JITTER_RATIO = 0.2

/** `random` gives 0 to 1. The timers keep no process alive. */
export function createReloadPoller(reload: () => void, random: () => number): ReloadPoller {
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let closed = false

  function nextDelay({ interval, remote, failing }: PollState): Millis | undefined {
    failures = failing ? failures + 1 : 0
    const delayMs = failing
      ? Math.min(MIN_BACKOFF_MS * 2 ** Math.min(failures - 1, 10), MAX_BACKOFF_MS)
      : remote && interval > 0
        ? interval
        : undefined
    return delayMs === undefined
      ? undefined
      : millis(Math.round(delayMs * (1 + JITTER_RATIO * (random() - 0.5))))
  }

  return {
    reschedule(state) {
      clearTimeout(timer)
      const span = closed ? undefined : nextDelay(state)
      if (span !== undefined) timer = setTimeout(reload, span).unref()
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
