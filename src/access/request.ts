/** The request as rules see it, whatever transport it came by. */
import type { Instant } from '../lib/time.ts'

/**
 * One request. Header names are in lower case. The transport decodes the path once; rules match, capture and
 * report that text, so that no two parts of Credence can read it differently.
 */
export interface RequestView {
  /** As sent. A rule's methods match it whatever the case. */
  readonly method: string
  /** `http` or `https` in lower case; `ws` or `wss` where a gateway states so at `/decisions`. */
  readonly scheme: string
  /** For matching: lower case, without the scheme's default port and without one trailing dot. */
  readonly host: string
  /** Host and port as sent, for `MatchContext.URL.Host` and `return_to`. */
  readonly authority: string
  /** Decoded once, without the query; its trailing slash counts. Starts with `/`. */
  readonly path: string
  /** The path as Envoy forwards it, without the query. */
  readonly rawPath: string
  /** The text after the first `?`, as sent; empty without one. It may hold a token, so it is never logged. */
  readonly query: string
  /** The header `x-request-id`; empty without a valid one. */
  readonly requestId: string
  /** IP address of the client as the gateway states it, else of the TCP peer; empty when unknown. */
  readonly remoteAddress: string
  /** TLS server name; empty when unknown. */
  readonly sni: string
  /** Principal of the client's certificate as Envoy states it; empty when unknown. */
  readonly principal: string
  /** The body, where Envoy is configured to send it; Envoy may truncate it. */
  readonly body: Uint8Array | undefined
  /** Monotonic time at which the decision must be made. In the past once the gateway does not wait for it any more. */
  readonly deadline: Instant
  /** First value of a header; `name` in lower case. */
  header(name: string): string | undefined
  /** All values: one a header line, unless Envoy has joined lines of one name. */
  headerValues(name: string): readonly string[]
  /** All headers but pseudo headers, in order, names in lower case. */
  headerEntries(): Iterable<readonly [name: string, value: string]>
  /**
   * Names with a symbol other than the hyphen, such as `x_user_id`, of the headers at the lengths of whose names
   * `lengths` has 1.
   */
  headerNamesWithSymbols(lengths: Uint8Array): readonly string[]
  /** Value of the first cookie of this name; names are case-sensitive. */
  cookie(name: string): string | undefined
  /** Values of all cookies of this name, in order. Two values make a session ambiguous. */
  cookieValues(name: string): readonly string[]
  /** All cookies in order, parsed on first use. `quoted`: the value had quotes, which are removed. */
  cookies(): readonly (readonly [name: string, value: string, quoted: boolean])[]
}
