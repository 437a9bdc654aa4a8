/** Closes what a start has opened, in reverse order. */
import { setting } from '../config/setting.ts'
import { duration } from '../config/value_types.ts'

export const shutdownSettings = {
  delay: setting('serve.shutdown_delay', duration(), {
    default: '3s',
    description:
      'Time between SIGTERM, when Credence begins to report not ready, and the drain. Until then everything is answered, so that health checks can find out first. 0s drains at once.',
    credenceOnly: true,
  }),
}

export interface Shutdown {
  /** Registers what closes a part. Parts that were opened later are closed earlier. */
  onClose(close: () => unknown): void
  /** Closes every part, even if closing one fails; then rejects with the first failure. A second call has nothing to close. */
  run(): Promise<void>
}

/** A start that fails half way runs the same shutdown as one that succeeded. */
export function createShutdown(): Shutdown {
  const cleanups: (() => unknown)[] = []
  return {
    onClose: close => void cleanups.push(close),
    async run() {
      const failures: unknown[] = []
      for (const close of cleanups.splice(0).toReversed()) {
        try {
          await close()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
