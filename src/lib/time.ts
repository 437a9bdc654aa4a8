/** Types for durations and points in time, so that seconds, milliseconds and the two clocks cannot be confused. */

/** A duration in milliseconds. */
export type Millis = number & { readonly __unit: 'ms' }

/** A point on the monotonic clock, in milliseconds since an arbitrary origin. For deadlines and expiry. */
export type Instant = number & { readonly __clock: 'monotonic' }

/** A point on the wall clock, in milliseconds since the Unix epoch. For dates that come from or go to others, such as `expires_at`. */
export type WallTime = number & { readonly __clock: 'wall' }

/** Both clocks. They are injected, so that tests control the time; only `app` reads the clocks of the system. */
export interface Clock {
  /** Monotonic: it never jumps. */
  now(): Instant
  /** Wall clock: it may jump in both directions. */
  wall(): WallTime
}

export const millis = (n: number): Millis => n as Millis
export const plusMillis = (at: Instant, span: Millis): Instant => (at + span) as Instant
/** Milliseconds from `from` to `until`; negative if `until` is earlier. */
export const millisBetween = (from: Instant, until: Instant): Millis => (until - from) as Millis

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Durations as Oathkeeper's configuration accepts them: an integer and one unit (`500ms`, `15m`), not `1.5s` or `1m30s`. */
export const DURATION_PATTERN = /^[0-9]+(ns|us|ms|s|m|h)$/

/** `undefined` if the text does not match `DURATION_PATTERN`. */
export function parseDuration(text: string): Millis | undefined {
  const unit = DURATION_PATTERN.exec(text)?.[1]
  return unit === undefined ? undefined : millis(Number.parseInt(text, 10) * (MS_PER_UNIT[unit] as number))
}
