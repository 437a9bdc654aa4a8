/** lib/duration — spans of time and points in time as types, so that milliseconds are never multiplied twice. Knows nothing of access control. */

/** A span in milliseconds. Made by `parseDuration` or `millis` only. */
export type Millis = number & { readonly __unit: 'ms' }

/** A point on the monotonic clock, in milliseconds since an arbitrary origin. For deadlines and lifetimes. */
export type Instant = number & { readonly __clock: 'monotonic' }

/** A point on the wall clock, in milliseconds since the Unix epoch. For `expires_at` and its like only. */
export type WallTime = number & { readonly __clock: 'wall' }

/** The two clocks, handed in from the roof; nothing below `app` asks the system for the time. */
export interface Clock {
  /** Monotonic: never jumps. */
  now(): Instant
  /** Wall: may jump. */
  wall(): WallTime
}

export const millis = (n: number): Millis => n as Millis
export const plusMillis = (at: Instant, span: Millis): Instant => (at + span) as Instant
/** Milliseconds from `from` until `until`; negative when past. */
export const millisBetween = (from: Instant, until: Instant): Millis => (until - from) as Millis

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Oathkeeper's duration: a whole number and one unit (`500ms`, `15m`); `1.5s` and `1m30s` are not (Q: spec 4.0). */
export const DURATION_PATTERN = /^[0-9]+(ns|us|ms|s|m|h)$/

/** `undefined` for a text that is not a duration. */
export function parseDuration(text: string): Millis | undefined {
  const unit = DURATION_PATTERN.exec(text)?.[1]
  return unit === undefined ? undefined : millis(Number.parseInt(text, 10) * (MS_PER_UNIT[unit] as number))
}
