/** access/verdict — what is known of a credential that was presented. Types only: whoever finds out lives elsewhere. */
import type { WallTime } from '../lib/time.ts'
import type { Annotations, Header, JsonObject } from './session.ts'

/** Exactly one credential goes to Kratos, and it is the one that keys the cache (kratos 1.2, C1). */
export interface Credential {
  readonly kind: 'cookie' | 'token'
  /** The cookie's name; empty for a token. */
  readonly name: string
  readonly value: string
}

export type AssuranceLevel = 'aal0' | 'aal1' | 'aal2' | 'aal3'

/** Kratos' verified answer, frozen, before any rule read it. */
export interface VerifiedSession {
  readonly id: string
  readonly identityId: string
  readonly aal: AssuranceLevel
  readonly authenticatedAt: WallTime
  readonly expiresAt: WallTime
  /** The whole session as Kratos said it, for `subject_from` and `extra_from`. */
  readonly document: JsonObject
}

export type CacheResult = NonNullable<Annotations['cache']>

export type Verdict =
  | {
      readonly kind: 'verified'
      readonly session: VerifiedSession
      readonly cache: CacheResult
      /** Set-Cookie of this very answer; never remembered (kratos 1.6). */
      readonly responseHeaders: readonly Header[]
    }
  | { readonly kind: 'rejected'; readonly cache: CacheResult }
  /** A live session that Kratos wants a second factor for (403 `session_aal2_required`). */
  | { readonly kind: 'second factor'; readonly loginUrl: string | undefined; readonly cache: CacheResult }
  /** 429 with the headers that may be passed on. */
  | { readonly kind: 'limited'; readonly headers: readonly Header[]; readonly cache?: CacheResult }
  /** "Could not find out": 503, never 401. `why` names no credential. */
  | {
      readonly kind: 'unavailable'
      readonly why: string
      readonly retryAfterSeconds?: number
      readonly cache?: CacheResult
    }
