/** Types of an outgoing HTTP call and of its outcome. */
import type { Instant, Millis } from '../../lib/time.ts'

export type HeaderPair = readonly [name: string, value: string]

/** One call of an HTTP service, with its limits. */
export interface OutgoingRequest {
  readonly method: string
  /** Absolute http or https URL. */
  readonly url: string
  readonly headers: readonly HeaderPair[]
  readonly body?: string | Uint8Array
  /** Limit for the whole call including retries, in ms. */
  readonly timeout: Millis
  /** Retries after a connection error that precedes the first byte of a response. Default 0. */
  readonly retries?: number
  /** Called before each retry; `false` prevents it, for example because a retry budget is used up. */
  readonly mayRetry?: () => boolean
  /** Maximum size of the response body in bytes. Default 1 MiB. */
  readonly maxBytes?: number
  /**
   * Ends the call earlier, for example at the Check's deadline. A function for calls that several requests share: the
   * latest of their deadlines, which moves when another request joins.
   */
  readonly deadline?: Instant | (() => Instant)
  /** The client that causes the call. Without it the call is not limited for the sake of other clients. */
  readonly caller?: Caller
  /**
   * Low-cardinality name for the client span and for metrics: `kratos.whoami`, `introspection`, `hydrator`.
   */
  readonly target: string
}

/** The client that causes a call, so that it cannot starve the calls of others. */
export interface Caller {
  /** IP address; empty if unknown. */
  readonly address: string
  /**
   * Credential that the service checks: a hash that reveals nothing about it, and whether a response accepts it. A
   * credential that was accepted recently has reserved capacity, and rejections of others are limited.
   */
  readonly credential?: {
    readonly key: string
    readonly isAccepted: (response: HttpResponse) => boolean
    /** Whether the response rejects the credential, and may be cached as that for a moment. Default: never. */
    readonly isRejected?: ((response: HttpResponse) => boolean) | undefined
  }
}

/** A complete response of any status. */
export interface HttpResponse {
  readonly kind: 'answered'
  readonly status: number
  /** Names in lower case, one pair for each header line. */
  readonly headers: readonly HeaderPair[]
  readonly body: string
  /** The negative cache answered: the service has just rejected the same credential. */
  readonly cache?: 'negative'
}

/**
 * A call without a complete response. `message` contains neither credentials nor the query string.
 * `busy`: Credence limits the calls to this service, and nothing was sent. That is always a 503.
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

/** Makes one call. Never rejects. */
export type Send = (request: OutgoingRequest) => Promise<HttpResponse | HttpFailure>

/** When the call is no longer wanted, at this moment. */
export const deadlineOf = ({ deadline }: OutgoingRequest): Instant =>
  typeof deadline === 'function' ? deadline() : (deadline ?? (Number.POSITIVE_INFINITY as Instant))
