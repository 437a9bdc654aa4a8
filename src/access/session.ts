/** The authenticated identity, and the immutable session that the steps of a rule pass on. */
import type { RequestView } from './request.ts'

/** One header line; the name is in lower case. */
export interface Header {
  readonly name: string
  readonly value: string
}

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** `undefined` is Oathkeeper's nil map. Read own properties only: a key may be `__proto__`. */
export type Extra = JsonObject | undefined

/**
 * Facts about a decision for the access log, the span and metrics. The keys are a closed set; no value
 * contains a credential.
 */
export interface Annotations {
  /** How the cache took part in authenticating the request. */
  readonly cache?: 'hit' | 'miss' | 'joined' | 'remote' | 'stale' | 'negative' | 'off'
}

/** What an authenticator returns for a valid credential. */
export interface Identity {
  readonly kind: 'identity'
  readonly subject: string
  readonly extra: Extra
  /** For the client, on the response to this request only, for example a cookie that Kratos renews. */
  readonly responseHeaders: readonly Header[]
  readonly annotations: Annotations
}

/**
 * What templates see as `.MatchContext`. The hydrator may replace it by a document in which any part is
 * missing.
 */
export interface MatchContext {
  readonly captures: readonly string[] | undefined
  readonly method: string
  readonly url: MatchUrl | undefined
  /** The source of the request headers, which templates see by their canonical names. */
  readonly headers: RequestView | ReadonlyMap<string, readonly string[]> | undefined
}

/** The fields of Go's `url.URL` that templates can read. */
export interface MatchUrl {
  readonly scheme: string
  /** Host and port as sent. */
  readonly host: string
  /** Decoded path. */
  readonly path: string
  readonly rawQuery: string
}

/** An identity and its request, between two steps of a rule. */
export interface Session {
  readonly kind: 'session'
  readonly subject: string
  readonly extra: Extra
  /** Headers for the upstream, with one value for each name. */
  readonly headers: readonly Header[]
  readonly responseHeaders: readonly Header[]
  readonly match: MatchContext
  readonly request: RequestView
  readonly annotations: Annotations
}

const NO_HEADERS: readonly Header[] = Object.freeze([])
const NO_ANNOTATIONS: Annotations = Object.freeze({})

/** An identity. Without `options` it has no headers for the client and no annotations. */
export function identity(
  subject: string,
  extra?: Extra,
  options: { responseHeaders?: readonly Header[]; annotations?: Annotations } = {},
): Identity {
  return {
    kind: 'identity',
    subject,
    extra,
    responseHeaders: options.responseHeaders ?? NO_HEADERS,
    annotations: options.annotations ?? NO_ANNOTATIONS,
  }
}

/** The session before the first step of a rule; `captures` are those of the rule's pattern. */
export function createSession(
  authenticated: Identity,
  request: RequestView,
  captures: readonly string[],
): Session {
  return {
    kind: 'session',
    subject: authenticated.subject,
    extra: authenticated.extra,
    headers: NO_HEADERS,
    responseHeaders: authenticated.responseHeaders,
    match: {
      captures,
      method: request.method,
      url: { scheme: request.scheme, host: request.authority, path: request.path, rawQuery: request.query },
      headers: request,
    },
    request,
    annotations: authenticated.annotations,
  }
}

/**
 * The session with a header for the upstream, which replaces an earlier one of the same name. `name` is in
 * lower case.
 */
export function withHeader(session: Session, name: string, value: string): Session {
  const others = session.headers.filter(header => header.name !== name)
  return { ...session, headers: [...others, { name, value }] }
}
