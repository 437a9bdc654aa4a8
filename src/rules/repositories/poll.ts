/** rules/poll — when everything is read again without a notice: on a beat where one is asked for, soon and then more rarely after a failure. Knows no rule. */
import { type Millis, millis } from '../../lib/time.ts'

/** How a reading went. */
export interface Reading {
  /** Between two readings of repositories from which no notice comes; 0: none. */
  readonly interval: Millis
  /** There is such a repository. */
  readonly remote: boolean
  /** One of them could not be read, or nothing can be served. */
  readonly failing: boolean
}

export interface Poll {
  /** To be told after every reading, whatever caused it; sets when the next is due. */
  after(reading: Reading): void
  close(): void
}

/** Milliseconds after the first failure; doubled with each further one. */
const FIRST = 5_000
const LONGEST = 60_000
/** Of each delay, so that replicas do not ask all at once. */
const JITTER = 0.2

/** `random` gives 0 to 1. The timers keep no process alive. */
export function createPoll(read: () => void, random: () => number): Poll {
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  let closed = false

  function delay({ interval, remote, failing }: Reading): Millis | undefined {
    failures = failing ? failures + 1 : 0
    const span = failing
      ? Math.min(FIRST * 2 ** Math.min(failures - 1, 10), LONGEST)
      : remote && interval > 0
        ? interval
        : undefined
    return span === undefined ? undefined : millis(Math.round(span * (1 + JITTER * (random() - 0.5))))
  }

  return {
    after(reading) {
      clearTimeout(timer)
      const span = closed ? undefined : delay(reading)
      if (span !== undefined) timer = setTimeout(read, span).unref()
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
