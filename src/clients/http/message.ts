/** An outgoing HTTP call and its outcome, as values. */
import type { Instant, Millis } from '../../lib/time.ts'

export type HeaderPair = readonly [name: string, value: string]

export interface OutgoingRequest {
  readonly method: string
  /** Absolute; http, https. */
  readonly url: string
  readonly headers: readonly HeaderPair[]
  readonly body?: string | Uint8Array
  /** For the whole call, further tries included. */
  readonly timeout: Millis
  /** Further tries after a connection error before any byte of an answer. Default 0. */
  readonly retries?: number
  /** Has the last word on each of them, e.g. a budget of all calls to that service. */
  readonly mayRetry?: () => boolean
  /** Largest answer read, in bytes. Default 1 MiB. */
  readonly maxBytes?: number
  /** Ends the call earlier, e.g. the Check's deadline; not for shared calls. */
  readonly deadline?: Instant
  /** Low-cardinality name for the CLIENT span and metrics: `kratos.whoami`, `introspection`, `hydrator`. */
  readonly target: string
}

export interface HttpResponse {
  readonly kind: 'answered'
  readonly status: number
  /** Names in lower case, one pair a line. */
  readonly headers: readonly HeaderPair[]
  readonly body: string
}

/**
 * `message` names neither credentials nor the query. `busy`: too many calls wait for this origin already, nothing was sent.
 * `setup`: a package or credentials are missing on this machine; the message says what to do.
 */
export interface HttpFailure {
  readonly kind: 'failed'
  readonly cause:
    | 'connect'
    | 'timeout'
    | 'deadline'
    | 'reset'
    | 'too_large'
    | 'malformed'
    | 'closed'
    | 'busy'
    | 'setup'
  readonly message: string
}

/** Never rejects. */
export type Send = (request: OutgoingRequest) => Promise<HttpResponse | HttpFailure>
