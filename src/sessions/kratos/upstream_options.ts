/** Limits for the calls to one Kratos. */
import { type Millis, millis } from '../../lib/time.ts'

export interface KratosUpstreamOptions {
  /** Maximum number of concurrent calls. A quarter is reserved for recently verified credentials. */
  readonly maxConcurrentRequests: number
  /** Maximum number of queued calls. */
  readonly maxPendingRequests: number
  /** Share of failed calls, 0 to 1, at which the circuit opens. */
  readonly failureRatio: number
  /** Minimum number of calls before `failureRatio` applies. */
  readonly minRequests: number
  readonly openDuration: Millis
  /** Number of users with consecutive unexpected rejections, from several networks, at which rejections are no longer trusted. */
  readonly outageBurst: number
  readonly maxOutageDuration: Millis
  /** Maximum number of rejections of unknown credentials at once, and per second. */
  readonly rejectionBurst: number
  readonly rejectionsPerSecond: number
}

export const DEFAULT_OPTIONS: KratosUpstreamOptions = {
  maxConcurrentRequests: 32,
  maxPendingRequests: 1_000,
  failureRatio: 0.5,
  minRequests: 20,
  openDuration: millis(2_000),
  outageBurst: 10,
  maxOutageDuration: millis(60_000),
  rejectionBurst: 1_000,
  rejectionsPerSecond: 100,
}
