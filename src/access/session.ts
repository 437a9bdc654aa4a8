/** access/session — who was recognised, and what travels from step to step. Immutable; knows no handler. */
import type { RequestView } from './request.ts'

/** One header line. Names in lower case. */
export interface Header {
  readonly name: string
  readonly value: string
}

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** `undefined` is Oathkeeper's nil map. Look up own properties only (H3). */
export type Extra = JsonObject | undefined

/** How an answer came about; closed keys, for log line, span and metric. Values never contain a credential. */
export interface Annotations {
  readonly cache?: 'hit' | 'miss' | 'shared' | 'remote' | 'stale' | 'negative' | 'off'
}

/** The answer of a responsible authenticator. */
export interface Identity {
  readonly kind: 'identity'
  readonly subject: string
  readonly extra: Extra
  /** To be relayed to the client on this answer only, e.g. Kratos' re-issued cookie (kratos 1.6). */
  readonly responseHeaders: readonly Header[]
  readonly annotations: Annotations
}

/** What templates see as `.MatchContext`; the hydrator may replace it, and then anything may be missing (spec 6.5). */
export interface MatchContext {
  readonly captures: readonly string[] | undefined
  readonly method: string
  readonly url: MatchUrl | undefined
  /** All request headers by canonical name are derived from this. */
  readonly headers: RequestView | ReadonlyMap<string, readonly string[]> | undefined
}

/** The parts of Go's `url.URL` that templates can reach (spec 6.0). */
export interface MatchUrl {
  readonly scheme: string
  /** Host and port as sent. */
  readonly host: string
  /** Decoded path. */
  readonly path: string
  readonly rawQuery: string
}

export interface Session {
  readonly kind: 'session'
  readonly subject: string
  readonly extra: Extra
  /** Headers for the upstream; one value a name, names in lower case, later ones replace. */
  readonly headers: readonly Header[]
  readonly responseHeaders: readonly Header[]
  readonly match: MatchContext
  readonly request: RequestView
  readonly annotations: Annotations
}

const NO_HEADERS: readonly Header[] = Object.freeze([])
const NO_ANNOTATIONS: Annotations = Object.freeze({})

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

/** A session with one more header for the upstream; an earlier one of the same name is replaced. `name` in lower case. */
export function withHeader(session: Session, name: string, value: string): Session {
  const others = session.headers.filter(header => header.name !== name)
  return { ...session, headers: [...others, { name, value }] }
}
