/** rules/pattern_origin — scheme and host of a pattern: normalised like a request's, and what is odd about them (B11). Knows no engine. */
import { DEFAULT_PORTS } from '../../http/authority.ts'
import { foldFragmentCase } from './case_folding.ts'
import { analyzeFragment } from './fragment_analysis.ts'
import type { Fragment, Literal, Part, PatternLint } from './syntax.ts'

export interface NormalizedOrigin {
  readonly parts: readonly Part[]
  readonly lints: readonly PatternLint[]
  /** Every path that matches starts with it; empty where nothing is certain. */
  readonly pathPrefix: string
}

/** Where scheme, host and path meet: part and offset of `://`, then of the slash that closes the host. */
interface OriginBounds {
  readonly schemeEnd: number
  readonly hostStart: number
  /** Number of parts where no literal slash closes the host. */
  readonly pathPart: number
  readonly pathStart: number
}

export interface OriginOptions {
  /** Fixes what the scheme can be (`rpc`); otherwise those of requests. */
  readonly schemes?: readonly string[]
  /** Leaves the host as it is written, as those of requests are left then (Q-20, option). */
  readonly hosts?: 'exact' | undefined
}

export function normalizeOrigin(
  parts: readonly Part[],
  { schemes, hosts }: OriginOptions = {},
): NormalizedOrigin {
  const bounds = findOriginBounds(parts)
  if (bounds === undefined) {
    const neverStarts = parts[0]?.kind === 'literal' || parts.length === 0
    const lints = neverStarts
      ? [neverMatches('it does not start with a scheme and "://"', 'e.g. https://example.com/path')]
      : []
    return { parts, lints, pathPrefix: '' }
  }
  const lints: PatternLint[] = []
  const exact = hosts === 'exact'
  const lowerCased = lowerCaseOrigin(parts, exact ? schemeOnly(bounds) : bounds, lints)
  const scheme = possibleSchemes(lowerCased, bounds)
  if (schemes === undefined && scheme !== undefined) lints.push(...lintScheme(scheme))
  const trimmed = exact
    ? { parts: lowerCased, seams: bounds }
    : trimHost(lowerCased, bounds, scheme ?? [], lints)
  const fragments = hostFragments(trimmed.parts, bounds)
  for (const fragment of fragments) lints.push(...lintHostFragment(fragment))
  lintLiteralHost(trimmed.parts, trimmed.seams, lints)
  lintOpenHost(trimmed.parts, bounds, lints)
  lintPath(trimmed.parts, trimmed.seams, lints)
  const isClosed =
    scheme?.every(word => !word.includes('/')) && fragments.every(f => !analyzeFragment(f).canContainSlash)
  const closing = trimmed.parts[bounds.pathPart]
  const pathPrefix =
    isClosed && closing?.kind === 'literal' ? closing.text.slice(trimmed.seams.pathStart) : ''
  return { parts: trimmed.parts, lints, pathPrefix }
}

function findOriginBounds(parts: readonly Part[]): OriginBounds | undefined {
  for (const [schemeEnd, part] of parts.entries()) {
    const at = part.kind === 'literal' ? part.text.indexOf('://') : -1
    if (at < 0) continue
    const hostStart = at + 3
    for (let pathPart = schemeEnd; pathPart < parts.length; pathPart++) {
      const other = parts[pathPart] as Part
      const pathStart =
        other.kind === 'literal' ? other.text.indexOf('/', pathPart === schemeEnd ? hostStart : 0) : -1
      if (pathStart >= 0) return { schemeEnd, hostStart, pathPart, pathStart }
    }
    return { schemeEnd, hostStart, pathPart: parts.length, pathStart: 0 }
  }
  return undefined
}

/** Request hosts and schemes are lower case: so are the literal ones of patterns. */
function lowerCaseOrigin(
  parts: readonly Part[],
  { pathPart, pathStart }: OriginBounds,
  lints: PatternLint[],
): Part[] {
  return parts.map((part, i) => {
    if (part.kind === 'fragment' && i < pathPart) return foldFragmentCase(part, lints)
    if (part.kind !== 'literal' || i > pathPart) return part
    const end = i === pathPart ? pathStart : part.text.length
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
const schemeOnly = (seams: OriginBounds): OriginBounds => ({
  ...seams,
  pathPart: seams.schemeEnd,
  pathStart: seams.hostStart,
})

function possibleSchemes(
  parts: readonly Part[],
  { schemeEnd, hostStart }: OriginBounds,
): string[] | undefined {
  let words = ['']
  for (const part of parts.slice(0, schemeEnd)) {
    const more = part.kind === 'literal' ? [part.text] : analyzeFragment(part).words
    if (more === undefined) return undefined
    words = words.flatMap(head => more.map(tail => head + tail))
  }
  return words.map(word => word + (parts[schemeEnd] as Literal).text.slice(0, hostStart - 3))
}

function lintScheme(words: readonly string[]): PatternLint[] {
  if (words.some(word => word === 'http' || word === 'https')) return []
  if (words.every(word => !DEFAULT_PORTS.has(word)))
    return [neverMatches(`its scheme is not http or https but "${words.join('", "')}"`)]
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
  bounds: OriginBounds,
  schemes: readonly string[],
  lints: PatternLint[],
): { parts: Part[]; seams: OriginBounds } {
  const at = Math.min(bounds.pathPart, parts.length - 1)
  const part = parts[at]
  if (part?.kind !== 'literal') return { parts: [...parts], seams: bounds }
  const end = at === bounds.pathPart ? bounds.pathStart : part.text.length
  const from = at === bounds.schemeEnd ? bounds.hostStart : 0
  let host = part.text.slice(from, end)
  const port = /:(\d+)$/.exec(host)?.[1]
  const defaultSchemes = schemes.filter(scheme => DEFAULT_PORTS.get(scheme) === port)
  let suffix = port === undefined ? '' : `:${port}`
  host = host.slice(0, host.length - suffix.length)
  if (port !== undefined && defaultSchemes.length > 0) {
    if (defaultSchemes.length === schemes.length) {
      suffix = ''
      lints.push({ message: `port ${port} is dropped: it is the scheme's default`, hint: '' })
    } else {
      lints.push({
        message: `port ${port} never matches with ${defaultSchemes.join(', ')}, whose default it is: requests come without`,
        hint: 'write one pattern for each scheme',
      })
    }
  }
  if (host.endsWith('.') && (host.length > 1 || at > bounds.schemeEnd)) {
    host = host.slice(0, -1)
    lints.push({ message: 'one trailing dot of the host is dropped, as it is of requests', hint: '' })
  }
  const head = part.text.slice(0, from) + host + suffix
  const trimmed: Literal = { kind: 'literal', text: head + part.text.slice(end) }
  return {
    parts: parts.with(at, trimmed).filter(p => p.kind !== 'literal' || p.text !== ''),
    seams: at === bounds.pathPart ? { ...bounds, pathStart: head.length } : bounds,
  }
}

const hostFragments = (parts: readonly Part[], { schemeEnd, pathPart }: OriginBounds): Fragment[] =>
  parts.slice(schemeEnd, pathPart).filter(part => part.kind === 'fragment')

function lintHostFragment(fragment: Fragment): PatternLint[] {
  const analysis = analyzeFragment(fragment)
  const lints: PatternLint[] = []
  if (analysis.canContainSlash && !analysis.startsWithSlash) {
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
function lintLiteralHost(parts: readonly Part[], bounds: OriginBounds, lints: PatternLint[]): void {
  for (const [i, part] of parts.entries()) {
    if (part.kind !== 'literal' || i < bounds.schemeEnd || i > bounds.pathPart) continue
    const from = i === bounds.schemeEnd ? bounds.hostStart : 0
    const invalid = /[^a-z0-9._\-:[\]]/i.exec(
      part.text.slice(from, i === bounds.pathPart ? bounds.pathStart : undefined),
    )?.[0]
    if (invalid === undefined) continue
    const hint = invalid === '*' ? 'write <[^/]+> for any host' : ''
    lints.push(neverMatches(`its host has "${invalid}", and no host of a request does`, hint))
  }
}

/** `https://h<.*>` also matches `https://h.example.org/`. */
function lintOpenHost(parts: readonly Part[], bounds: OriginBounds, lints: PatternLint[]): void {
  if (bounds.pathPart < parts.length) return
  const last = parts.at(-1)
  if (last?.kind !== 'fragment' || analyzeFragment(last).startsWithSlash) return
  lints.push({
    message: 'no slash closes the host, so hosts that only begin like this one match too',
    hint: 'put a slash before the last fragment',
  })
}

function lintPath(parts: readonly Part[], { pathPart, pathStart }: OriginBounds, lints: PatternLint[]): void {
  const last = parts.at(-1)
  const root = pathPart === parts.length - 1 && last?.kind === 'literal' && pathStart === last.text.length - 1
  if (last?.kind === 'literal' && last.text.endsWith('/') && pathPart < parts.length && !root) {
    lints.push(
      neverMatches(
        'it ends in a slash, and one trailing slash of a request is dropped',
        'leave the slash out',
      ),
    )
  }
  for (const [i, part] of parts.entries()) {
    if (part.kind !== 'literal' || i < pathPart) continue
    const path = i === pathPart ? part.text.slice(pathStart) : part.text
    if (/[?#]/.test(path)) {
      lints.push({
        message: 'the query and the fragment of a URL are not matched',
        hint: 'leave out what follows "?"',
      })
    }
    const ends = i === parts.length - 1
    if (/\/\/|\/\.\.?\//.test(path) || (ends && /\/\.\.?$/.test(path))) {
      lints.push(neverMatches('requests with "//", "/./" or "/../" in the path are refused'))
    }
    const escaped = /(?:%[0-9a-f]{2})+/i.exec(path)?.[0]
    if (escaped !== undefined) {
      lints.push({
        message: `paths are decoded before they are matched, so "${escaped}" is never found in one`,
        hint: `write ${describeDecoded(escaped)}`,
      })
    }
    const wildcard = /\{\w*\}|\*+/.exec(path)?.[0]
    if (wildcard !== undefined) {
      lints.push({
        message: `"${wildcard}" outside of <…> stands for itself`,
        hint: 'write <[^/]+> for one segment, <.*> for anything (with the glob strategy <*> and <**>)',
      })
    }
  }
}

function describeDecoded(escapes: string): string {
  try {
    return JSON.stringify(decodeURIComponent(escapes))
  } catch {
    return 'the character itself'
  }
}

const neverMatches = (reason: string, hint = ''): PatternLint => ({
  message: `the pattern never matches: ${reason}`,
  hint,
})
