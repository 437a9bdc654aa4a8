/** lib/url_path — the one reading of a request target. Knows nothing of access control. */
import { isUtf8 } from 'node:buffer'

export interface RequestTarget {
  readonly kind: 'target'
  /** Decoded once, one trailing slash dropped; what is matched, captured and reported. */
  readonly path: string
  /** Before the first `?`, as sent. */
  readonly rawPath: string
  /** After the first `?`, as sent; empty without one. */
  readonly query: string
}

export interface InvalidTarget {
  readonly kind: 'bad target'
  /** Which rule it breaks, without quoting it. */
  readonly reason: string
}

/** `strict` refuses whatever cleaning or a second decoding would change; `oathkeeper` decodes and cleans. */
export type PathMode = 'strict' | 'oathkeeper'

/** Characters of the raw path; longer ones are refused before they are looked at (A18). */
const MAX_PATH_CHARS = 16_384

/** Nothing to decode, nothing to clean: letters, digits and what needs no thought, in segments that begin with no dot. */
const SIMPLE_PATH = /^(?=\/)(?:\/[\w\-~!$&'()*+,=:@][\w\-~!$&'()*+,=:@.]*)*\/?$/
const FORBIDDEN_RAW = /[\0-\x20#\\\x7f-\uffff]/
const ESCAPED_CONTROL = /%(?:[01][0-9a-f]|7f)/i
const ESCAPED_SEPARATOR = /%(?:2f|5c)/i
const MALFORMED_ESCAPE = /%(?![0-9a-f]{2})/i
const DOUBLE_ESCAPE = /%25[0-9a-f]{2}/i

const invalid = (why: string): InvalidTarget => ({ kind: 'bad target', reason: why })

/** Cuts at the first `?` before anything else is looked at (A1). */
export function parseRequestTarget(target: string, mode: PathMode): RequestTarget | InvalidTarget {
  const queryStart = target.indexOf('?')
  const rawPath = queryStart < 0 ? target : target.slice(0, queryStart)
  const query = queryStart < 0 ? '' : target.slice(queryStart + 1)
  if (rawPath.length > MAX_PATH_CHARS) return invalid('the path is too long')
  if (SIMPLE_PATH.test(rawPath)) return { kind: 'target', path: trimTrailingSlash(rawPath), rawPath, query }
  const why = mode === 'strict' ? findAmbiguity(rawPath) : findInvalidCharacter(rawPath)
  if (why !== undefined) return invalid(why)
  const decoded = decodePath(rawPath)
  if (decoded === undefined) return invalid('the path is not UTF-8')
  if (mode === 'oathkeeper') {
    return decoded.includes('\n')
      ? invalid('the path has a line break')
      : { kind: 'target', path: cleanPath(decoded), rawPath, query }
  }
  if (decoded.split('/').some(isDotSegment)) return invalid('the path has a dot segment')
  return { kind: 'target', path: trimTrailingSlash(decoded), rawPath, query }
}

/** Security cases A2–A17, J2: everything that another reader might read otherwise. */
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

function findInvalidCharacter(path: string): string | undefined {
  if (!path.startsWith('/')) return 'the path does not begin with a slash'
  if (/[\0\x80-\uffff]|%00/.test(path)) return 'the path has a character that must be escaped'
  if (MALFORMED_ESCAPE.test(path)) return 'the path has a malformed escape'
  return undefined
}

/** Path parameters do not hide dots: `/..;x/` is a dot segment to some upstreams (A10). */
function isDotSegment(segment: string): boolean {
  const end = segment.indexOf(';')
  const name = end < 0 ? segment : segment.slice(0, end)
  return name === '.' || name === '..'
}

/** `undefined` for bytes that are not UTF-8: replacement would make unequal paths equal (A12). */
function decodePath(path: string): string | undefined {
  if (!path.includes('%')) return path
  const bytes = Buffer.from(
    path.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

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
