/** Ends the wait for a verdict at the deadline of the request. */
import type { Verdict } from '../access/verdict.ts'
import type { Millis } from '../lib/time.ts'
import { withTimeout } from '../lib/with_timeout.ts'

const DEADLINE_EXCEEDED: Verdict = Object.freeze({
  kind: 'unavailable',
  reason: 'Kratos did not answer in time',
})

/** A request whose deadline has passed gets the fallback, a stale entry, or 503. The load goes on for the others. */
export async function withDeadline(
  verdict: Promise<Verdict>,
  timeout: Millis,
  fallback: () => Verdict | undefined,
): Promise<Verdict> {
  const outcome = await withTimeout(verdict, timeout, DEADLINE_EXCEEDED)
  return outcome.kind === 'unavailable' ? (fallback() ?? outcome) : outcome
}
