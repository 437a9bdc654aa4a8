/** access/request — what a rule may know of a request. Knows no Envoy and no wire; a door builds it. */
import type { Instant } from '../lib/time.ts'

/**
 * One request as the rules see it. Header names are lower case. Nothing is decoded twice: `path` was read once, at the
 * door (architecture 13.5), and is what is matched, captured and reported.
 */
export interface RequestView {
  /** As sent; compared case-insensitively with a rule's methods. */
  readonly method: string
  /** `http` or `https`, lower case; `ws` or `wss` where a gateway that asks over HTTP says so. */
  readonly scheme: string
  /** For matching: lower case, without the scheme's default port and one trailing dot. */
  readonly host: string
  /** Host and port as sent, for `MatchContext.URL.Host` and `return_to`. */
  readonly authority: string
  /** Decoded once, without query, without one trailing slash; starts with `/`. */
  readonly path: string
  /** The path exactly as Envoy forwards it, without the query. */
  readonly rawPath: string
  /** The text after the first `?`, as sent; empty without one. Never logged. */
  readonly query: string
  /** Envoy's `x-request-id`, empty when there is none. */
  readonly requestId: string
  /** Address of the client as the gateway states it, else of the TCP peer; without a port, empty when unknown. */
  readonly remoteAddress: string
  /** TLS server name, empty when unknown. */
  readonly sni: string
  /** Peer principal as Envoy states it, empty when unknown. */
  readonly principal: string
  /** The (possibly cut) body, when Envoy was told to send it. */
  readonly body: Uint8Array | undefined
  /** When an answer has to be on its way, monotonic. */
  readonly deadline: Instant
  /** First value of a header; `name` in lower case. */
  header(name: string): string | undefined
  /** All values, one per header line as far as the door can tell lines apart. */
  headerValues(name: string): readonly string[]
  /** All headers but pseudo headers, in order, names in lower case. */
  headerEntries(): Iterable<readonly [name: string, value: string]>
  /** First cookie of exactly this name (case-sensitive, C3). */
  cookie(name: string): string | undefined
  /** All values of cookies of exactly this name, in order; duplicates matter (C2, J11). */
  cookieValues(name: string): readonly string[]
  /** All cookies in order, parsed once, on first use; values without quotes, and whether there were any. */
  cookies(): readonly (readonly [name: string, value: string, quoted: boolean])[]
}
