/** Freshness lifetime of a verified session in the cache. */
import { parseGoDuration } from '../../golang/index.ts'
import { type Millis, millis, type WallTime } from '../../lib/time.ts'

export interface FreshnessBounds {
  /** Configured maximum. */
  readonly maxAge: Millis
  readonly expiresAt: WallTime
  /** Values of `Ory-Session-Cache-For`, unparsed. */
  readonly cacheFor: readonly string[]
}

/** Assumed maximum difference between our clock and that of Kratos, ms. */
const MAX_CLOCK_SKEW_MS = 2_000
/** Lifetimes are shortened by up to this share at random, so that entries made together do not expire together. */
const MAX_JITTER_RATIO = 0.1
/** A longer value of `Ory-Session-Cache-For` is not a duration that Kratos would send. */
const MAX_DURATION_CHARS = 40
const NS_PER_MS = 1e6

/**
 * The smallest of `maxAge`, the remaining lifetime of the session and `Ory-Session-Cache-For`, in ms, less the jitter and
 * never below 0. `Ory-Session-Cache-For` only shortens: without `cacheable_sessions_max_age` in Kratos its value is the
 * whole remaining lifetime. `random` is in [0, 1).
 */
export function freshnessLifetime(bounds: FreshnessBounds, now: WallTime, random: number): Millis {
  const remaining = bounds.expiresAt - now - MAX_CLOCK_SKEW_MS
  const shortest = Math.min(bounds.maxAge, remaining, cacheForBound(bounds.cacheFor))
  return millis(Math.max(0, shortest * jitterFactor(random)))
}

/** Factor that applies the jitter; `random` is in [0, 1). */
export const jitterFactor = (random: number): number => 1 - MAX_JITTER_RATIO * random

/** Without the header there is no bound. A repeated or unreadable header allows no caching. */
function cacheForBound(values: readonly string[]): number {
  const [first, second] = values
  if (first === undefined) return Number.POSITIVE_INFINITY
  if (second !== undefined) return 0
  return parseCacheFor(first) ?? 0
}

/** Milliseconds. Kratos sends whole seconds; a Go duration such as `1h2m3.5s` is read, too. `undefined` for anything else. */
export function parseCacheFor(text: string): number | undefined {
  if (text.length > MAX_DURATION_CHARS || /^[+-]/.test(text)) return undefined
  if (/^\d+$/.test(text)) return Number(text) * 1000
  const nanoseconds = parseGoDuration(text)
  return nanoseconds === undefined ? undefined : Number(nanoseconds) / NS_PER_MS
}
