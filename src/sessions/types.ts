/** What the parts of session verification exchange: outcomes of a whoami call, cache status, revocations. */

import type { Header } from '../access/session.ts'
import type { Verdict, VerifiedSession } from '../access/verdict.ts'
import type { HeaderPair } from '../clients/http/message.ts'
import type { Instant, WallTime } from '../lib/time.ts'

/** A `Verdict` before it is known who waits for it, with what is needed to keep it. */
export type Finding =
  | {
      readonly kind: 'verified'
      readonly session: VerifiedSession
      /** Set-Cookie of this very answer; for those who wait for it (kratos 1.6). */
      readonly responseHeaders: readonly Header[]
      /** Values of `Ory-Session-Cache-For`, as they came. */
      readonly cacheFor: readonly string[]
      /** When another replica asked; absent: Kratos was asked for this. */
      readonly askedAt?: Instant
    }
  | {
      readonly kind: 'rejected'
      /** Kratos said more than the 401 that it gives for everything, a sick database included. */
      readonly certain: boolean
    }
  | { readonly kind: 'second factor'; readonly loginUrl: string | undefined }
  | { readonly kind: 'limited'; readonly headers: readonly Header[] }
  | { readonly kind: 'unavailable'; readonly why: string; readonly retryAfterSeconds?: number }

export interface CachedSession extends RevocableEntry {
  /** Ready to be handed out; carries no Set-Cookie. */
  readonly verdict: Verdict & { readonly kind: 'verified' }
  readonly jitterFactor: number
  /** Until then it answers by itself; afterwards only where Kratos cannot. */
  readonly freshUntil: Instant
  /** As long again after that, a 401 of Kratos is a surprise. */
  readonly recentUntil: Instant
  /** Kratos has said no since: it lets nobody in any more, and is only known to have been good. */
  readonly rejected: boolean
  /** No renewal is asked for before. */
  refreshAfter: Instant
}

/** What memory has to say of a credential, whether or not it may still let anybody in. */
export type CacheStatus =
  /** Verified lately; a 401 would be a surprise. */
  | { readonly kind: 'known'; readonly session: VerifiedSession }
  /** Verified lately, and refused since. */
  | { readonly kind: 'ended' }
  /** Never seen, too long ago, or revoked by news. */
  | { readonly kind: 'unknown' }

export type VerifiedFinding = Extract<Finding, { readonly kind: 'verified' }>

/** Whose sessions end, as those who know it say it. */
export type RevocationTarget =
  | { readonly kind: 'session'; readonly id: string }
  /** All sessions of an identity; `keep` is the id of the one that goes on (Kratos' `revoke_active_sessions`). */
  | { readonly kind: 'identity'; readonly id: string; readonly keep?: string }
  /** The value of a cookie, or a token. */
  | { readonly kind: 'credential'; readonly value: string }
  /** What Kratos was asked before that time, and sessions that were authenticated before it; absent: all. */
  | { readonly kind: 'everything'; readonly before?: WallTime }

/** The same without a credential in it: this is what is kept, and what travels. */
export type RevocationEvent =
  | Exclude<RevocationTarget, { readonly kind: 'credential' }>
  | { readonly kind: 'credential'; readonly marks: readonly string[] }

/** What came of a revocation. */
export interface RevocationResult {
  /** Entries that went. */
  readonly evicted: number
  /** What other replicas should hear, without a credential in it. */
  readonly events: readonly RevocationEvent[]
}

/** What an entry of the memory must show of itself. */
export interface RevocableEntry {
  readonly key: string
  /** Keyed hash of the credential alone, whatever endpoint it was shown to. News has one by each key that somebody may use. */
  readonly credentialHash: string
  readonly session: VerifiedSession
  /** When Kratos was asked. */
  readonly askedAt: Instant
}

/** Where whoami has refused. */
export interface WhoamiEndpoint {
  readonly whoamiUrl: string
  readonly headers: readonly HeaderPair[]
}
