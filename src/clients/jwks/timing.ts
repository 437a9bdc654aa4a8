/**
 * How long verifiers wait for a remote key set, and how long a key set is used, from the configuration of
 * `jwt`.
 */
import { type Millis, millis, parseDuration } from '../../lib/time.ts'

const DEFAULT_MAX_WAIT_MS = 1_000
const DEFAULT_TTL_MS = 30_000

/** For all key sets. Only the base configuration counts; Oathkeeper ignores what a rule sets. */
export function jwksTiming(jwtConfig: Readonly<Record<string, unknown>> | undefined): {
  readonly maxWait: Millis
  readonly ttl: Millis
} {
  const durationOr = (value: unknown, fallbackMs: number): Millis =>
    (typeof value === 'string' ? parseDuration(value) : undefined) ?? millis(fallbackMs)
  return {
    maxWait: durationOr(jwtConfig?.jwks_max_wait, DEFAULT_MAX_WAIT_MS),
    ttl: durationOr(jwtConfig?.jwks_ttl, DEFAULT_TTL_MS),
  }
}
