/** What verifying a credential of Kratos can result in. */
import type { WallTime } from '../lib/time.ts'
import type { Annotations, Header, JsonObject } from './session.ts'

/**
 * A session cookie or session token. Exactly one goes to Kratos, and the same one is the key of the cache:
 * otherwise a request could get the session of another credential.
 */
export interface Credential {
  readonly kind: 'cookie' | 'token'
  /** The cookie's name; empty for a token. */
  readonly name: string
  readonly value: string
}

/** Kratos' authenticator assurance level: how many factors the user has proved. */
export type AssuranceLevel = 'aal0' | 'aal1' | 'aal2' | 'aal3'

/** A session that Kratos verified. Frozen, because all requests with the credential share it. */
export interface VerifiedSession {
  readonly id: string
  readonly identityId: string
  readonly aal: AssuranceLevel
  readonly authenticatedAt: WallTime
  readonly expiresAt: WallTime
  /** The whole session as Kratos returned it, for `subject_from` and `extra_from`. */
  readonly document: JsonObject
}

/** How the cache took part in a verification. */
export type CacheResult = NonNullable<Annotations['cache']>

/** The result of verifying a credential. */
export type Verdict =
  | {
      readonly kind: 'verified'
      readonly session: VerifiedSession
      readonly cache: CacheResult
      /** Set-Cookie headers of this response of Kratos. They are for one client and never cached. */
      readonly responseHeaders: readonly Header[]
    }
  | { readonly kind: 'rejected'; readonly cache: CacheResult }
  /** The session is live, and Kratos requires a second factor (403 `session_aal2_required`). */
  | { readonly kind: 'second factor'; readonly loginUrl: string | undefined; readonly cache: CacheResult }
  /** Kratos answered 429; `headers` may be passed on to the client. */
  | { readonly kind: 'limited'; readonly headers: readonly Header[]; readonly cache?: CacheResult }
  /** The session could not be verified: 503, never 401. `reason` names no credential. */
  | {
      readonly kind: 'unavailable'
      readonly reason: string
      readonly retryAfterSeconds?: number
      readonly cache?: CacheResult
    }
