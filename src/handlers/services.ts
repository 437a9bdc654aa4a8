/** The services that handlers use for everything outside the request: clients, caches, sessions and time. */
import type { Awaitable } from '../access/awaitable.ts'
import type { RequestView } from '../access/request.ts'
import type { Header, JsonObject } from '../access/session.ts'
import type { Credential, Verdict } from '../access/verdict.ts'
import type { Send } from '../clients/http/message.ts'
import type { JwksClient } from '../clients/jwks/client.ts'
import type { OAuth2Client } from '../clients/oauth2/client.ts'
import type { KeyHash } from '../lib/key_hash.ts'
import type { SingleFlightCache } from '../lib/single_flight_cache.ts'
import type { Clock, Millis } from '../lib/time.ts'

/**
 * A whoami endpoint as a rule configures it. Endpoints with different members never share a cached session.
 */
export interface KratosEndpoint {
  /** Absolute URL that ends in `/sessions/whoami`. */
  readonly whoamiUrl: string
  /** Static headers of the configuration (`additional_headers`). */
  readonly headers: readonly Header[]
  /** Maximum age of a cached session, in ms. `undefined`: `sessions.cache.ttl`. 0: no cache. */
  readonly maxAge: Millis | undefined
}

/** Verifies session credentials with Kratos, and knows which sessions were revoked. */
export interface KratosSessions {
  /**
   * Returns the cached session, or calls Kratos; equal concurrent calls are coalesced. `fresh` bypasses the
   * cache. `stale: false` rejects a session that is cached beyond its freshness because Kratos is
   * unavailable. Never rejects.
   */
  verify(
    kratos: KratosEndpoint,
    credential: Credential,
    request: RequestView,
    options?: { readonly fresh?: boolean; readonly stale?: boolean },
  ): Awaitable<Verdict>
  /** Whether the claims of a verified JWT name a session (`sid`) that was revoked after the token was issued. */
  isTokenRevoked(claims: JsonObject): boolean
}

/** Everything that handlers use outside the request. */
export interface Services {
  readonly clock: Clock
  /** Makes one HTTP call with limits and a deadline, without following redirects. */
  readonly send: Send
  readonly kratos: KratosSessions
  /**
   * Verifies tokens with remote key sets and issues tokens with local keys. Its caches live as long as the
   * process.
   */
  readonly jwks: JwksClient
  /** Introspects tokens and checks client credentials. Caches results if the rule enables it. */
  readonly oauth2: OAuth2Client
  /** Returns the cache of a name. It lives as long as the process, so a reload keeps its entries. */
  readonly getCache: <Loaded, Value extends {}>(name: string) => SingleFlightCache<Loaded, Value>
  /**
   * Reports to metrics and log that an endpoint responded with 200 but without a subject. `endpoint`:
   * origin and path.
   */
  readonly reportEmptySubject: (endpoint: string) => void
  /** Hashes the parts of a cache key, because they may contain credentials. */
  readonly cacheKey: KeyHash
}
