/** rules/pattern_origin — scheme and host of a pattern: normalised like a request's, and what is odd about them (B11). Knows no engine. */
import { DEFAULT_PORTS } from '../../http/authority.ts'
import { lowerFragment } from './case_folding.ts'
import { shapeOf } from './fragment_analysis.ts'
import type { Fragment, Lint, Literal, Part } from './syntax.ts'

export interface Located {
  readonly parts: readonly Part[]
  readonly lints: readonly Lint[]
  /** Every path that matches starts with it; empty where nothing is certain. */
  readonly pathPrefix: string
}

/** Where scheme, host and path meet: part and offset of `://`, then of the slash that closes the host. */
interface Seams {
  readonly colon: number
  readonly hostAt: number
  /** Number of parts where no literal slash closes the host. */
  readonly close: number
  readonly slash: number
}

export interface LocateOptions {
  /** Fixes what the scheme can be (`rpc`); otherwise those of requests. */
  readonly schemes?: readonly string[]
  /** Leaves the host as it is written, as those of requests are left then (Q-20, option). */
  readonly hosts?: 'exact' | undefined
}

export function locate(parts: readonly Part[], { schemes, hosts }: LocateOptions = {}): Located {
  const seams = findSeams(parts)
  if (seams === undefined) {
    const dead = parts[0]?.kind === 'literal' || parts.length === 0
    const lints = dead
      ? [never('it does not start with a scheme and "://"', 'e.g. https://example.com/path')]
      : []
    return { parts, lints, pathPrefix: '' }
  }
  const lints: Lint[] = []
  const exact = hosts === 'exact'
  const lower = lowerCase(parts, exact ? schemeAlone(seams) : seams, lints)
  const scheme = schemesOf(lower, seams)
  if (schemes === undefined && scheme !== undefined) lints.push(...schemeLints(scheme))
  const trimmed = exact ? { parts: lower, seams } : trimHost(lower, seams, scheme ?? [], lints)
  const host = hostFragments(trimmed.parts, seams)
  for (const fragment of host) lints.push(...hostLints(fragment))
  noteLiteralHost(trimmed.parts, trimmed.seams, lints)
  noteOpenHost(trimmed.parts, seams, lints)
  notePath(trimmed.parts, trimmed.seams, lints)
  const closed = scheme?.every(word => !word.includes('/')) && host.every(f => !shapeOf(f).crossesSlash)
  const closing = trimmed.parts[seams.close]
  const pathPrefix = closed && closing?.kind === 'literal' ? closing.text.slice(trimmed.seams.slash) : ''
  return { parts: trimmed.parts, lints, pathPrefix }
}

function findSeams(parts: readonly Part[]): Seams | undefined {
  for (const [colon, part] of parts.entries()) {
    const at = part.kind === 'literal' ? part.text.indexOf('://') : -1
    if (at < 0) continue
    const hostAt = at + 3
    for (let close = colon; close < parts.length; close++) {
      const other = parts[close] as Part
      const slash = other.kind === 'literal' ? other.text.indexOf('/', close === colon ? hostAt : 0) : -1
      if (slash >= 0) return { colon, hostAt, close, slash }
    }
    return { colon, hostAt, close: parts.length, slash: 0 }
  }
  return undefined
}

/** Request hosts and schemes are lower case: so are the literal ones of patterns. */
function lowerCase(parts: readonly Part[], { close, slash }: Seams, lints: Lint[]): Part[] {
  return parts.map((part, i) => {
    if (part.kind === 'fragment' && i < close) return lowerFragment(part, lints)
    if (part.kind !== 'literal' || i > close) return part
    const end = i === close ? slash : part.text.length
    const head = part.text.slice(0, end)
    const lowered = head.replace(/[A-Z]/g, letter => letter.toLowerCase())
    if (lowered !== head) {
      lints.push({
        message: `"${head}" is read in lower case, as hosts and schemes of requests are`,
        hint: '',
      })
    }
    return { kind: 'literal', text: lowered + part.text.slice(end) }
  })
}

/** As if the host were part of the path. */
const schemeAlone = (seams: Seams): Seams => ({ ...seams, close: seams.colon, slash: seams.hostAt })

function schemesOf(parts: readonly Part[], { colon, hostAt }: Seams): string[] | undefined {
  let words = ['']
  for (const part of parts.slice(0, colon)) {
    const more = part.kind === 'literal' ? [part.text] : shapeOf(part).words
    if (more === undefined) return undefined
    words = words.flatMap(head => more.map(tail => head + tail))
  }
  return words.map(word => word + (parts[colon] as Literal).text.slice(0, hostAt - 3))
}

function schemeLints(words: readonly string[]): Lint[] {
  if (words.some(word => word === 'http' || word === 'https')) return []
  if (words.every(word => !DEFAULT_PORTS.has(word)))
    return [never(`its scheme is not http or https but "${words.join('", "')}"`)]
  return [
    {
      message: 'its scheme is that of a WebSocket: only a gateway that asks over HTTP may call a request so',
      hint: 'Envoy says http or https; write <https|wss> for both',
    },
  ]
}

/** Drops one trailing dot and a port that every possible scheme has by default. */
function trimHost(
  parts: readonly Part[],
  seams: Seams,
  schemes: readonly string[],
  lints: Lint[],
): { parts: Part[]; seams: Seams } {
  const at = Math.min(seams.close, parts.length - 1)
  const part = parts[at]
  if (part?.kind !== 'literal') return { parts: [...parts], seams }
  const end = at === seams.close ? seams.slash : part.text.length
  const from = at === seams.colon ? seams.hostAt : 0
  let host = part.text.slice(from, end)
  const port = /:(\d+)$/.exec(host)?.[1]
  const byDefault = schemes.filter(scheme => DEFAULT_PORTS.get(scheme) === port)
  let suffix = port === undefined ? '' : `:${port}`
  host = host.slice(0, host.length - suffix.length)
  if (port !== undefined && byDefault.length > 0) {
    if (byDefault.length === schemes.length) {
      suffix = ''
      lints.push({ message: `port ${port} is dropped: it is the scheme's default`, hint: '' })
    } else {
      lints.push({
        message: `port ${port} never matches with ${byDefault.join(', ')}, whose default it is: requests come without`,
        hint: 'write one pattern for each scheme',
      })
    }
  }
  if (host.endsWith('.') && (host.length > 1 || at > seams.colon)) {
    host = host.slice(0, -1)
    lints.push({ message: 'one trailing dot of the host is dropped, as it is of requests', hint: '' })
  }
  const head = part.text.slice(0, from) + host + suffix
  const trimmed: Literal = { kind: 'literal', text: head + part.text.slice(end) }
  return {
    parts: parts.with(at, trimmed).filter(p => p.kind !== 'literal' || p.text !== ''),
    seams: at === seams.close ? { ...seams, slash: head.length } : seams,
  }
}

const hostFragments = (parts: readonly Part[], { colon, close }: Seams): Fragment[] =>
  parts.slice(colon, close).filter(part => part.kind === 'fragment')

function hostLints(fragment: Fragment): Lint[] {
  const shape = shapeOf(fragment)
  const lints: Lint[] = []
  if (shape.crossesSlash && !shape.opensWithSlash) {
    lints.push({
      message: `"<${fragment.text}>" in the host also matches slashes, and so part of a path`,
      hint: 'exclude them, e.g. <[^/]*>',
    })
  }
  if (
    !fragment.text.startsWith('(?:') &&
    /(?:^|[^\\])\.(?![*+?{])/.test(fragment.text.replace(/\[[^\]]*\]/g, ''))
  ) {
    lints.push({
      message: `"<${fragment.text}>" in the host has a dot that stands for any character`,
      hint: 'write \\. for the dot of a name',
    })
  }
  return lints
}

/** Text outside of delimiters is itself, and no host has such a character (B2–B8). */
function noteLiteralHost(parts: readonly Part[], seams: Seams, lints: Lint[]): void {
  for (const [i, part] of parts.entries()) {
    if (part.kind !== 'literal' || i < seams.colon || i > seams.close) continue
    const from = i === seams.colon ? seams.hostAt : 0
    const odd = /[^a-z0-9._\-:[\]]/i.exec(
      part.text.slice(from, i === seams.close ? seams.slash : undefined),
    )?.[0]
    if (odd === undefined) continue
    const hint = odd === '*' ? 'write <[^/]+> for any host' : ''
    lints.push(never(`its host has "${odd}", and no host of a request does`, hint))
  }
}

/** `https://h<.*>` also matches `https://h.example.org/`. */
function noteOpenHost(parts: readonly Part[], seams: Seams, lints: Lint[]): void {
  if (seams.close < parts.length) return
  const last = parts.at(-1)
  if (last?.kind !== 'fragment' || shapeOf(last).opensWithSlash) return
  lints.push({
    message: 'no slash closes the host, so hosts that only begin like this one match too',
    hint: 'put a slash before the last fragment',
  })
}

function notePath(parts: readonly Part[], { close, slash }: Seams, lints: Lint[]): void {
  const last = parts.at(-1)
  const root = close === parts.length - 1 && last?.kind === 'literal' && slash === last.text.length - 1
  if (last?.kind === 'literal' && last.text.endsWith('/') && close < parts.length && !root) {
    lints.push(
      never('it ends in a slash, and one trailing slash of a request is dropped', 'leave the slash out'),
    )
  }
  for (const [i, part] of parts.entries()) {
    if (part.kind !== 'literal' || i < close) continue
    const path = i === close ? part.text.slice(slash) : part.text
    if (/[?#]/.test(path)) {
      lints.push({
        message: 'the query and the fragment of a URL are not matched',
        hint: 'leave out what follows "?"',
      })
    }
    const ends = i === parts.length - 1
    if (/\/\/|\/\.\.?\//.test(path) || (ends && /\/\.\.?$/.test(path))) {
      lints.push(never('requests with "//", "/./" or "/../" in the path are refused'))
    }
    const escaped = /(?:%[0-9a-f]{2})+/i.exec(path)?.[0]
    if (escaped !== undefined) {
      lints.push({
        message: `paths are decoded before they are matched, so "${escaped}" is never found in one`,
        hint: `write ${decoded(escaped)}`,
      })
    }
    const active = /\{\w*\}|\*+/.exec(path)?.[0]
    if (active !== undefined) {
      lints.push({
        message: `"${active}" outside of <…> stands for itself`,
        hint: 'write <[^/]+> for one segment, <.*> for anything (with the glob strategy <*> and <**>)',
      })
    }
  }
}

function decoded(escapes: string): string {
  try {
    return JSON.stringify(decodeURIComponent(escapes))
  } catch {
    return 'the character itself'
  }
}

const never = (why: string, hint = ''): Lint => ({ message: `the pattern never matches: ${why}`, hint })
