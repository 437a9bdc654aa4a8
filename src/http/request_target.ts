/** Parses a request target by one set of rules, so that no two parts of Credence read a path differently. */
import { isUtf8 } from 'node:buffer'

export interface RequestTarget {
  readonly kind: 'target'
  /**
   * Decoded once, its trailing slash included: the upstream receives it, so another path must not be judged.
   * Rules match, capture and report this text.
   */
  readonly path: string
  /** The text before the first `?`, as sent. */
  readonly rawPath: string
  /** The text after the first `?`, as sent; empty without one. */
  readonly query: string
}

export interface InvalidTarget {
  readonly kind: 'invalid target'
  /** The rule that the target breaks. Quotes nothing of it. */
  readonly reason: string
}

/**
 * `strict` rejects a path that another parser might read differently and leaves every other one as it came.
 * `oathkeeper` decodes and cleans it like Oathkeeper v26, a trailing slash included: what rules
 * judge is then not what Envoy forwards.
 */
export type PathMode = 'strict' | 'oathkeeper'

/** Longest raw path. It bounds the time for parsing. */
const MAX_PATH_CHARS = 16_384

/**
 * A path that needs neither decoding nor cleaning: unreserved characters, in segments that do not begin with
 * a dot.
 */
const SIMPLE_PATH = /^(?=\/)(?:\/[\w\-~!$&'()*+,=:@][\w\-~!$&'()*+,=:@.]*)*\/?$/
const FORBIDDEN_RAW = /[\0-\x20#\\\x7f-\uffff]/
const ESCAPED_CONTROL = /%(?:[01][0-9a-f]|7f)/i
const ESCAPED_SEPARATOR = /%(?:2f|5c)/i
const MALFORMED_ESCAPE = /%(?![0-9a-f]{2})/i
const DOUBLE_ESCAPE = /%25[0-9a-f]{2}/i

const invalid = (reason: string): InvalidTarget => ({ kind: 'invalid target', reason })

/**
 * Parses a target. The query is split off first, at the first `?`, so that nothing in it can change the path.
 */
export function parseRequestTarget(target: string, mode: PathMode): RequestTarget | InvalidTarget {
  const queryStart = target.indexOf('?')
  const rawPath = queryStart < 0 ? target : target.slice(0, queryStart)
  const query = queryStart < 0 ? '' : target.slice(queryStart + 1)
  if (rawPath.length > MAX_PATH_CHARS) return invalid('the path is too long')
  if (SIMPLE_PATH.test(rawPath)) {
    return { kind: 'target', path: mode === 'strict' ? rawPath : trimTrailingSlash(rawPath), rawPath, query }
  }
  const problem = mode === 'strict' ? findAmbiguity(rawPath) : findInvalidCharacter(rawPath)
  if (problem !== undefined) return invalid(problem)
  const decoded = decodePath(rawPath)
  if (decoded === undefined) return invalid('the path is not UTF-8')
  if (mode === 'oathkeeper') {
    return decoded.includes('\n')
      ? invalid('the path has a line break')
      : { kind: 'target', path: cleanPath(decoded), rawPath, query }
  }
  if (decoded.split('/').some(isDotSegment)) return invalid('the path has a dot segment')
  return { kind: 'target', path: decoded, rawPath, query }
}

/**
 * Why another parser might read the path differently; `undefined` where none would (docs/security-cases.md,
 * A2 to A17).
 */
function findAmbiguity(path: string): string | undefined {
  if (!path.startsWith('/')) return 'the path does not begin with a slash'
  if (FORBIDDEN_RAW.test(path)) return 'the path has a character that must be escaped'
  if (MALFORMED_ESCAPE.test(path)) return 'the path has a malformed escape'
  if (ESCAPED_SEPARATOR.test(path)) return 'the path has an escaped slash or backslash'
  if (ESCAPED_CONTROL.test(path)) return 'the path has an escaped control character'
  if (DOUBLE_ESCAPE.test(path)) return 'the path is escaped twice'
  if (path.includes('//')) return 'the path has an empty segment'
  return undefined
}

/** Why the path cannot be decoded; `undefined` where it can. */
function findInvalidCharacter(path: string): string | undefined {
  if (!path.startsWith('/')) return 'the path does not begin with a slash'
  if (/[\0\x80-\uffff]|%00/.test(path)) return 'the path has a character that must be escaped'
  if (MALFORMED_ESCAPE.test(path)) return 'the path has a malformed escape'
  return undefined
}

/** Ignores path parameters, because some upstreams read `/..;x/` as a dot segment. */
function isDotSegment(segment: string): boolean {
  const end = segment.indexOf(';')
  const name = end < 0 ? segment : segment.slice(0, end)
  return name === '.' || name === '..'
}

/**
 * The decoded path; `undefined` where it is not UTF-8. Replacing invalid bytes would make different paths
 * equal.
 */
function decodePath(path: string): string | undefined {
  if (!path.includes('%')) return path
  const bytes = Buffer.from(
    path.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

/** Cleans a path that has nothing else to clean. */
const trimTrailingSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path

/** Go's path.Clean for a rooted path: no empty segments, no dots, no trailing slash. */
export function cleanPath(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') segments.pop()
    else segments.push(segment)
  }
  return `/${segments.join('/')}`
}
