/** lib/url_path — the one reading of a request target. Knows nothing of access control. */
import { isUtf8 } from 'node:buffer'

export interface Target {
  readonly kind: 'target'
  /** Decoded once, one trailing slash dropped; what is matched, captured and reported. */
  readonly path: string
  /** Before the first `?`, as sent. */
  readonly rawPath: string
  /** After the first `?`, as sent; empty without one. */
  readonly query: string
}

export interface BadTarget {
  readonly kind: 'bad target'
  /** Which rule it breaks, without quoting it. */
  readonly why: string
}

/** `strict` refuses whatever cleaning or a second decoding would change; `oathkeeper` decodes and cleans. */
export type PathReading = 'strict' | 'oathkeeper'

/** Characters of the raw path; longer ones are refused before they are looked at (A18). */
const LONGEST = 16_384

/** Nothing to decode, nothing to clean: letters, digits and what needs no thought, in segments that begin with no dot. */
const PLAIN = /^(?=\/)(?:\/[\w\-~!$&'()*+,=:@][\w\-~!$&'()*+,=:@.]*)*\/?$/
const FORBIDDEN_RAW = /[\0-\x20#\\\x7f-\uffff]/
const ESCAPED_CONTROL = /%(?:[01][0-9a-f]|7f)/i
const ESCAPED_SEPARATOR = /%(?:2f|5c)/i
const MALFORMED_ESCAPE = /%(?![0-9a-f]{2})/i
const DOUBLE_ESCAPE = /%25[0-9a-f]{2}/i

const bad = (why: string): BadTarget => ({ kind: 'bad target', why })

/** Cuts at the first `?` before anything else is looked at (A1). */
export function readTarget(target: string, reading: PathReading): Target | BadTarget {
  const cut = target.indexOf('?')
  const rawPath = cut < 0 ? target : target.slice(0, cut)
  const query = cut < 0 ? '' : target.slice(cut + 1)
  if (rawPath.length > LONGEST) return bad('the path is too long')
  if (PLAIN.test(rawPath)) return { kind: 'target', path: withoutSlash(rawPath), rawPath, query }
  const why = reading === 'strict' ? ambiguity(rawPath) : unusable(rawPath)
  if (why !== undefined) return bad(why)
  const decoded = decode(rawPath)
  if (decoded === undefined) return bad('the path is not UTF-8')
  if (reading === 'oathkeeper') {
    return decoded.includes('\n')
      ? bad('the path has a line break')
      : { kind: 'target', path: cleanPath(decoded), rawPath, query }
  }
  if (decoded.split('/').some(isDots)) return bad('the path has a dot segment')
  return { kind: 'target', path: withoutSlash(decoded), rawPath, query }
}

/** Security cases A2–A17, J2: everything that another reader might read otherwise. */
function ambiguity(path: string): string | undefined {
  if (!path.startsWith('/')) return 'the path does not begin with a slash'
  if (FORBIDDEN_RAW.test(path)) return 'the path has a character that must be escaped'
  if (MALFORMED_ESCAPE.test(path)) return 'the path has a malformed escape'
  if (ESCAPED_SEPARATOR.test(path)) return 'the path has an escaped slash or backslash'
  if (ESCAPED_CONTROL.test(path)) return 'the path has an escaped control character'
  if (DOUBLE_ESCAPE.test(path)) return 'the path is escaped twice'
  if (path.includes('//')) return 'the path has an empty segment'
  return undefined
}

function unusable(path: string): string | undefined {
  if (!path.startsWith('/')) return 'the path does not begin with a slash'
  if (/[\0\x80-\uffff]|%00/.test(path)) return 'the path has a character that must be escaped'
  if (MALFORMED_ESCAPE.test(path)) return 'the path has a malformed escape'
  return undefined
}

/** Path parameters do not hide dots: `/..;x/` is a dot segment to some upstreams (A10). */
function isDots(segment: string): boolean {
  const end = segment.indexOf(';')
  const name = end < 0 ? segment : segment.slice(0, end)
  return name === '.' || name === '..'
}

/** `undefined` for bytes that are not UTF-8: replacement would make unequal paths equal (A12). */
function decode(path: string): string | undefined {
  if (!path.includes('%')) return path
  const bytes = Buffer.from(
    path.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

const withoutSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path

/** Go's path.Clean for a rooted path: no empty segments, no dots, no trailing slash. */
export function cleanPath(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') kept.pop()
    else kept.push(segment)
  }
  return `/${kept.join('/')}`
}
