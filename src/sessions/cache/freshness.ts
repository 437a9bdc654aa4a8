/** sessions/lifetime — how long an answer of Kratos may be believed. Pure; knows no cache and no clock. */
import { type Millis, millis, type WallTime } from '../../lib/time.ts'

export interface FreshnessBounds {
  /** Longest time that any answer is believed. */
  readonly maxAge: Millis
  readonly expiresAt: WallTime
  /** Values of `Ory-Session-Cache-For`, as they came. */
  readonly cacheFor: readonly string[]
}

/** Our clock and that of Kratos may differ by this much, in ms. */
const MAX_CLOCK_SKEW_MS = 2_000
/** Entries made together do not end together. */
const MAX_JITTER_RATIO = 0.1

/**
 * Smallest of ceiling, rest of the session, and what Kratos allows; shortened by chance, never below 0. `Ory-Session-Cache-For`
 * only ever shortens: without `cacheable_sessions_max_age` it is the whole rest of the session (kratos 2.2).
 */
export function freshnessLifetime(bounds: FreshnessBounds, now: WallTime, random: number): Millis {
  const rest = bounds.expiresAt - now - MAX_CLOCK_SKEW_MS
  const shortest = Math.min(bounds.maxAge, rest, cacheForBound(bounds.cacheFor))
  return millis(Math.max(0, shortest * jitterFactor(random)))
}

/** What is left of a bound after chance shortened it; `random` is in [0, 1). */
export const jitterFactor = (random: number): number => 1 - MAX_JITTER_RATIO * random

/** Absent: no bound. Repeated or unreadable: 0, nothing is kept on the word of a header that cannot be understood (C23). */
function cacheForBound(values: readonly string[]): number {
  const [first, second] = values
  if (first === undefined) return Number.POSITIVE_INFINITY
  if (second !== undefined) return 0
  return parseCacheFor(first) ?? 0
}

const GO_UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['μs', 1e-3],
  ['ms', 1],
  ['s', 1e3],
  ['m', 6e4],
  ['h', 3.6e6],
])
const GO_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y

/** Whole seconds, as Kratos writes them, or a Go duration (`1h2m3.5s`); milliseconds. Negative or anything else: `undefined`. */
export function parseCacheFor(text: string): number | undefined {
  if (text.length > 40) return undefined
  if (/^\d+$/.test(text)) return Number(text) * 1000
  let total = 0
  GO_PART.lastIndex = 0
  let end = 0
  for (let part = GO_PART.exec(text); part !== null; part = GO_PART.exec(text)) {
    total += Number(part[1]) * (GO_UNITS.get(part[2] as string) as number)
    end = GO_PART.lastIndex
  }
  return end === text.length && end > 0 ? total : undefined
}
