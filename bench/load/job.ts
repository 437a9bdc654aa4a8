/** What a load generator is asked to do, and what it reports. Both are JSON. */

/** Requests of one kind. Several workloads are interleaved in proportion to their weights. */
export interface Workload {
  readonly name: string
  readonly weight?: number
  /** CheckRequests, or whole requests of HTTP/1.1, as base64; sent in turn. */
  readonly messages: readonly string[]
  /** The eight digits at byte offset `at` are replaced by a number that starts at `from`. */
  readonly counter?: { readonly at: number; readonly from: number }
  /** A text that every response must contain. */
  readonly expected: string
}

export interface LoadJob {
  /** `host:port`. */
  readonly target: string
  /** `grpc`, the default, calls Check; `http1` sends the messages as they are. */
  readonly protocol?: 'grpc' | 'http1'
  readonly maxInFlight: number
  /** Requests that become due each second, whether or not earlier ones have been answered. Default: as many as possible. */
  readonly ratePerSecond?: number
  /** The job ends after `seconds`, or after `checks` requests if that is earlier. */
  readonly seconds: number
  readonly checks?: number
  readonly workloads: readonly Workload[]
}

export interface WorkloadResult {
  readonly completed: number
  /** Responses that failed or did not contain the expected text. */
  readonly wrong: number
  /** Latencies, counted from the moment at which a request was due. */
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface LoadResult {
  readonly seconds: number
  /** CPU time of the load generator, in µs. */
  readonly cpuMicros: number
  readonly workloads: Readonly<Record<string, WorkloadResult>>
}
