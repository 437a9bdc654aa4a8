/** handlers/services — what a handler may ask of the world, as interfaces. `app.ts` fills them; no handler opens a socket of its own. */
import type { Awaitable } from '../access/awaitable.ts'
import type { RequestView } from '../access/request.ts'
import type { Header } from '../access/session.ts'
import type { Credential, Verdict } from '../access/verdict.ts'
import type { Send } from '../clients/http/message.ts'
import type { JwksClient } from '../clients/jwks/client.ts'
import type { OAuth2Client } from '../clients/oauth2/client.ts'
import type { SingleFlightCache } from '../lib/single_flight_cache.ts'
import type { KeyHash } from '../lib/key_hash.ts'
import type { Clock, Millis } from '../lib/time.ts'

/** Where whoami is asked. Two endpoints with unequal members never share an entry (C4, C7). */
export interface KratosEndpoint {
  /** Absolute URL that ends in `/sessions/whoami`. */
  readonly whoamiUrl: string
  /** Static headers of the configuration (`additional_headers`). */
  readonly headers: readonly Header[]
  /** Longest time that an answer may be believed; `undefined` is the service's own setting, 0 switches the cache off. */
  readonly maxAge: Millis | undefined
}

export interface KratosSessions {
  /**
   * Asks memory, then Kratos; equal concurrent questions share one call. `fresh` skips memory; `stale: false` refuses what
   * is only known from before Kratos could not be asked. Never rejects.
   */
  verify(
    kratos: KratosEndpoint,
    credential: Credential,
    request: RequestView,
    options?: { readonly fresh?: boolean; readonly stale?: boolean },
  ): Awaitable<Verdict>
}

export interface Services {
  readonly clock: Clock
  /** One bounded call to the outside: limits, deadline, no redirects. */
  readonly send: Send
  readonly kratos: KratosSessions
  /** Key sets by URL: verifies tokens of others, signs our own. Keeps both for the process. */
  readonly jwks: JwksClient
  /** Introspection and client credentials: raw answers, remembered where a rule wants it. */
  readonly oauth2: OAuth2Client
  /** Memory for answers, one a name and process: reloads keep it. */
  readonly getCache: <Loaded, Value extends {}>(name: string) => SingleFlightCache<Loaded, Value>
  /** An endpoint let somebody in by a 200 that says not whom: for metrics and log. `endpoint`: origin and path. */
  readonly reportEmptySubject: (endpoint: string) => void
  /** Keys for it that cannot be read back: what they are made of may hold credentials. */
  readonly cacheKey: KeyHash
}
