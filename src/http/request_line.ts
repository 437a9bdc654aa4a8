/** Reads the request line that a transport states (method, scheme, authority, target) by one set of rules for all transports. */
import { DEFAULT_PORTS, parseAuthority } from './authority.ts'
import { type PathMode, parseRequestTarget } from './request_target.ts'

/** What a transport states of a request, as text and unchecked. */
export interface StatedRequest {
  readonly method: string
  readonly scheme: string
  /** Host and port. */
  readonly authority: string
  /** Path and query. */
  readonly target: string
  /** Number of header lines, pseudo headers included where the transport has them. */
  readonly headerCount: number
}

/** A request line that is valid in every part. */
export interface RequestLine {
  readonly kind: 'request line'
  /** As sent. */
  readonly method: string
  /** Lower case. */
  readonly scheme: string
  /** The authority in lower case, without the default port and without one trailing dot. */
  readonly host: string
  /** As sent. */
  readonly authority: string
  /** Decoded once; cleaned with `paths: oathkeeper`. */
  readonly path: string
  /** As sent, without the query. */
  readonly rawPath: string
  /** As sent, without the question mark; empty without one. */
  readonly query: string
}

export interface InvalidRequestLine {
  readonly kind: 'invalid request line'
  /** HTTP status: 431 for too many headers, else 400. */
  readonly status: 400 | 431
  /** Names the rule that the request breaks and quotes nothing of it. */
  readonly reason: string
}

/** Header lines of one request. More of them cost more time than a decision should take. */
export const MAX_HEADERS = 1_000

/** RFC 9110 §9.1: a method is a token. 64 characters are more than any registered method has. */
const METHOD_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/

/** Schemes that Envoy states. */
export const HTTP_SCHEMES: ReadonlySet<string> = new Set(['http', 'https'])
/**
 * Schemes that gateways state over HTTP: also `ws` and `wss`, which Traefik states for the handshake of a
 * WebSocket.
 */
export const GATEWAY_SCHEMES: ReadonlySet<string> = new Set(DEFAULT_PORTS.keys())

/**
 * Checks and reads a stated request. Never throws, whatever the texts contain. `schemes` are in lower case;
 * `paths` says whether an ambiguous path is rejected or cleaned.
 */
export function readRequestLine(
  stated: StatedRequest,
  schemes: ReadonlySet<string>,
  paths: PathMode,
): RequestLine | InvalidRequestLine {
  if (stated.headerCount > MAX_HEADERS) return TOO_MANY_HEADERS
  const { method, authority } = stated
  if (!METHOD_TOKEN.test(method)) return invalid('the method is not a token')
  const scheme = stated.scheme.toLowerCase()
  if (!schemes.has(scheme)) return invalid(`the scheme is not one of ${[...schemes].join(', ')}`)
  const parsed = parseAuthority(authority, scheme)
  if (parsed === undefined) return invalid('the host is not valid')
  const target = parseRequestTarget(stated.target, paths)
  if (target.kind === 'invalid target') return invalid(target.reason)
  const { path, rawPath, query } = target
  return { kind: 'request line', method, scheme, host: parsed.host, authority, path, rawPath, query }
}

const invalid = (reason: string): InvalidRequestLine => ({
  kind: 'invalid request line',
  status: 400,
  reason,
})

const TOO_MANY_HEADERS: InvalidRequestLine = {
  kind: 'invalid request line',
  status: 431,
  reason: 'the request has too many headers',
}
