/** Types of a token introspection (RFC 7662) and of its outcome. */
import type { Waiter } from '../../lib/single_flight_cache.ts'
import type { Millis } from '../../lib/time.ts'
import type { HeaderPair, HttpFailure } from '../http/message.ts'
import type { IntrospectionResponse } from './responses.ts'
import type { CacheOutcome, ClientCredentials, ErrorResponse, MalformedResponse } from './token_request.ts'

/** What all cached calls have in common. */
export interface CallOptions {
  /** Maximum age of a cached response, in ms. 0 bypasses the cache. */
  readonly maxAge: Millis
  /** The result resolves by its deadline. The call itself continues while other requests share it. */
  readonly waiter: Waiter
  /** IP address of the client; empty if unknown. */
  readonly clientAddress: string
}

/** The token to introspect, and the endpoint to ask. */
export interface IntrospectionRequest extends CallOptions {
  readonly url: string
  readonly token: string
  /** Sent as `scope`, even if empty. `undefined`: not sent. */
  readonly scope: string | undefined
  /** Names in lower case. A `content-type` is replaced. */
  readonly headers: readonly HeaderPair[]
  /** Client whose access token authorizes the call. */
  readonly preAuthorization: ClientCredentials | undefined
}

/** The outcome of an introspection. */
export type IntrospectionResult =
  | { readonly kind: 'introspected'; readonly response: IntrospectionResponse; readonly cache: CacheOutcome }
  /** The access token for the call itself could not be obtained. */
  | { readonly kind: 'not authorized' }
  | ErrorResponse
  | MalformedResponse
  | HttpFailure
