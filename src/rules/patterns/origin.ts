/** Normalizes scheme and host of a pattern like those of requests, and lints them. */
import { DEFAULT_PORTS } from '../../http/authority.ts'
import { foldFragmentCase } from './case_folding.ts'
import { analyzeFragment } from './fragment_analysis.ts'
import { findOriginBounds, type OriginBounds, schemeOnly } from './origin_bounds.ts'
import {
  lintHostFragment,
  lintLiteralHost,
  lintOpenHost,
  lintPath,
  lintScheme,
  lintWholeUrl,
  neverMatches,
} from './origin_lints.ts'
import type { Fragment, Literal, Part, PatternLint } from './syntax.ts'

export interface NormalizedOrigin {
  readonly parts: readonly Part[]
  readonly lints: readonly PatternLint[]
  /** Literal text that every matching path starts with; may be empty. */
  readonly pathPrefix: string
}

export interface OriginOptions {
  /** The only schemes of the pattern (`rpc`). Default: any, linted against the schemes of requests. */
  readonly schemes?: readonly string[]
  /** `exact`: the host is not normalized, since those of requests are not either. */
  readonly hosts?: 'exact' | undefined
}

/** Normalizes case, default port and trailing dot. Without it, a pattern such as `https://API.example/` would never match. */
export function normalizeOrigin(
  parts: readonly Part[],
  { schemes, hosts }: OriginOptions = {},
): NormalizedOrigin {
  const bounds = findOriginBounds(parts)
  if (bounds === undefined) {
    const [first] = parts
    const lints =
      first?.kind === 'fragment'
        ? lintWholeUrl(first)
        : [neverMatches('it does not start with a scheme and "://"', 'for example https://example.com/path')]
    return { parts, lints, pathPrefix: '' }
  }
  const lints: PatternLint[] = []
  const exact = hosts === 'exact'
  const lowerCased = lowerCaseOrigin(parts, exact ? schemeOnly(bounds) : bounds, lints)
  const scheme = possibleSchemes(lowerCased, bounds)
  if (schemes === undefined && scheme !== undefined) lints.push(...lintScheme(scheme))
  const trimmed = exact ? { parts: lowerCased, bounds } : trimHost(lowerCased, bounds, scheme ?? [], lints)
  const fragments = hostFragments(trimmed.parts, bounds)
  for (const fragment of fragments) lints.push(...lintHostFragment(fragment))
  lintLiteralHost(trimmed.parts, trimmed.bounds, lints)
  lintOpenHost(trimmed.parts, bounds, lints)
  lintPath(trimmed.parts, trimmed.bounds, lints)
  const isClosed =
    scheme?.every(word => !word.includes('/')) && fragments.every(f => !analyzeFragment(f).canContainSlash)
  const closing = trimmed.parts[bounds.pathPart]
  const pathPrefix =
    isClosed && closing?.kind === 'literal' ? closing.text.slice(trimmed.bounds.pathStart) : ''
  return { parts: trimmed.parts, lints, pathPrefix }
}

/** Lower-cases scheme and host, as those of requests are. */
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
        message: `"${head}" is lower-cased, like hosts and schemes of requests`,
        hint: '',
      })
    }
    return { kind: 'literal', text: lowered + part.text.slice(end) }
  })
}

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

/** Drops one trailing dot, and the port if it is the default of every possible scheme. */
function trimHost(
  parts: readonly Part[],
  bounds: OriginBounds,
  schemes: readonly string[],
  lints: PatternLint[],
): { parts: Part[]; bounds: OriginBounds } {
  const at = Math.min(bounds.pathPart, parts.length - 1)
  const part = parts[at]
  if (part?.kind !== 'literal') return { parts: [...parts], bounds }
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
        message: `port ${port} never matches with ${defaultSchemes.join(', ')}, whose default it is: requests have no default port`,
        hint: 'write one pattern for each scheme',
      })
    }
  }
  if (host.endsWith('.') && (host.length > 1 || at > bounds.schemeEnd)) {
    host = host.slice(0, -1)
    lints.push({ message: 'the trailing dot of the host is dropped, as in requests', hint: '' })
  }
  const head = part.text.slice(0, from) + host + suffix
  const trimmed: Literal = { kind: 'literal', text: head + part.text.slice(end) }
  return {
    parts: parts.with(at, trimmed).filter(p => p.kind !== 'literal' || p.text !== ''),
    bounds: at === bounds.pathPart ? { ...bounds, pathStart: head.length } : bounds,
  }
}

const hostFragments = (parts: readonly Part[], { schemeEnd, pathPart }: OriginBounds): Fragment[] =>
  parts.slice(schemeEnd, pathPart).filter(part => part.kind === 'fragment')
