/** Types that the cache, the guarded Kratos client and replication exchange. */
import type { Header } from '../access/session.ts'
import type { Verdict, VerifiedSession } from '../access/verdict.ts'
import type { HeaderPair } from '../clients/http/message.ts'
import type { Instant, Millis, WallTime } from '../lib/time.ts'

/** Result of a lookup, independent of the request that waits for it. `Verdict` adds how the cache took part. */
export type Finding =
  | {
      readonly kind: 'verified'
      readonly session: VerifiedSession
      /** Set-Cookie headers of this response. Only requests that wait for it receive them. */
      readonly responseHeaders: readonly Header[]
      /** Values of `Ory-Session-Cache-For`, unparsed. */
      readonly cacheFor: readonly string[]
      /** When another replica called Kratos. Absent if this replica called Kratos. */
      readonly requestedAt?: Instant
    }
  | {
      readonly kind: 'rejected'
      /** The response proves that the session is invalid. A plain 401 does not: Kratos also sends it when its database fails. */
      readonly certain: boolean
    }
  | { readonly kind: 'second factor'; readonly loginUrl: string | undefined }
  | { readonly kind: 'limited'; readonly headers: readonly Header[] }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterSeconds?: number }

export type VerifiedFinding = Extract<Finding, { readonly kind: 'verified' }>

/** What the revocation index needs of a cache entry. */
export interface RevocableEntry {
  readonly key: string
  /** Keyed hash of the credential alone, whichever endpoint received it. */
  readonly credentialHash: string
  readonly session: VerifiedSession
  /** When Kratos was called; the age of the entry starts here. */
  readonly requestedAt: Instant
}

export interface CachedSession extends RevocableEntry {
  /** Verdict for cache hits. It carries no Set-Cookie. */
  readonly verdict: Verdict & { readonly kind: 'verified' }
  /** In (0.9, 1]; also shortens a rule's own `maxAge`. */
  readonly jitterFactor: number
  /** End of the freshness lifetime. Later the entry is used only if Kratos is unavailable. */
  readonly freshUntil: Instant
  /** Until then a 401 for this credential is unexpected. Twice the freshness lifetime. */
  readonly recentUntil: Instant
  /** Kratos has rejected the credential since. The entry no longer allows requests. */
  readonly rejected: boolean
  /** Earliest time of the next background refresh. */
  refreshAfter: Instant
}

/** What the cache knows of a credential, whether or not the entry still allows requests. */
export type CacheStatus =
  /** Verified recently, so a 401 is unexpected. */
  | { readonly kind: 'verified'; readonly session: VerifiedSession }
  /** Verified recently and rejected since. */
  | { readonly kind: 'rejected' }
  /** Never seen, too old, or revoked. */
  | { readonly kind: 'absent' }

/** Which sessions a revocation ends, as its sender names them. */
export type RevocationTarget =
  | { readonly kind: 'session'; readonly id: string }
  /** All sessions of an identity except `keep` (Kratos' `revoke_active_sessions` keeps the current one). */
  | { readonly kind: 'identity'; readonly id: string; readonly keep?: string }
  /** Value of a session cookie, or a session token. */
  | { readonly kind: 'credential'; readonly value: string }
  /** Lookups that started before that time and sessions authenticated before it. Without `before`: all. */
  | { readonly kind: 'everything'; readonly before?: WallTime }

/** A revocation without the credential: only this form is stored and sent to other replicas. */
export type RevocationEvent =
  | Exclude<RevocationTarget, { readonly kind: 'credential' }>
  /** One keyed hash of the credential for each configured key. */
  | { readonly kind: 'credential'; readonly credentialHashes: readonly string[] }

export interface RevocationResult {
  /** Number of evicted cache entries. */
  readonly evicted: number
  /** Events to publish to the other replicas. */
  readonly events: readonly RevocationEvent[]
}

/** Where whoami is called. */
export interface WhoamiEndpoint {
  readonly whoamiUrl: string
  readonly headers: readonly HeaderPair[]
}

/** Where and how whoami is called. Endpoints that differ in any member except `maxAge` share no cache entry. */
export interface SessionEndpoint {
  readonly whoamiUrl: string
  readonly headers: readonly Header[]
  /** Maximum age set by the rule; `undefined`: that of the service, 0: no use of the cache. */
  readonly maxAge: Millis | undefined
}
