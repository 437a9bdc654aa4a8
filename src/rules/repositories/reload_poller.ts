/** Schedules reloads that no file event causes: at the configured interval, and with backoff after a failure. */
import { type Millis, millis } from '../../lib/time.ts'

/** The result of a reload, as far as it decides when the next one is due. */
export interface PollState {
  /** `access_rules.poll_interval` in milliseconds; 0 disables polling. */
  readonly interval: Millis
  /** Whether any repository is remote; local files are watched and need no polling. */
  readonly remote: boolean
  /** Whether a remote repository could not be read, or the rule set was rejected. */
  readonly failing: boolean
}

export interface ReloadPoller {
  /** Call it after every reload, whatever caused it: the next one is due an interval after this one has ended. */
  reschedule(state: PollState): void
  close(): void
}

/** Delay after the first failure; it doubles with each further one. */
const MIN_BACKOFF_MS = 5_000
const MAX_BACKOFF_MS = 60_000
/** Width of the random part of each delay, so that replicas do not send their requests at the same moment. */
const JITTER_RATIO = 0.2

/** Creates a poller that calls `reload`. `random` returns 0 to 1. Its timer does not keep the process alive. */
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
      const delayMs = closed ? undefined : nextDelay(state)
      if (delayMs !== undefined) timer = setTimeout(reload, delayMs).unref()
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
