/** Waits for a condition by polling, with a time limit. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** Default 20,000 ms. */
  readonly timeoutMs?: number
  /** Pause between two polls. Default 20 ms. */
  readonly intervalMs?: number
}

/**
 * Resolves as soon as `condition` is true. Rejects with `description` when the time is over. `condition` may be
 * asynchronous; an error that it throws is the result.
 */
export async function waitUntil(
  description: string,
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 20_000, intervalMs = 20 }: WaitOptions = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`timed out after ${timeoutMs} ms: ${description}`)
    await sleep(intervalMs)
  }
}
