/** Matches a URL against the parts of a pattern, and returns its captures. */
import { matchGlob, overlappingTexts } from '../../golang/index.ts'
import { analyzeFragment } from './fragment_analysis.ts'
import { globNodes } from './glob.ts'
import { type LiteralPrefix, type LiteralPrefixes, NO_CAPTURES } from './literal_prefixes.ts'
import { type Part, patternSource } from './syntax.ts'

type MatchUrl = (url: string) => readonly string[] | undefined

const MAX_CACHED_EXPRESSIONS = 10_000

export interface Matcher {
  readonly exec: MatchUrl
  readonly execFromPrefix?: (url: string, start: number) => readonly string[] | undefined
}

/** Matches `url` from offset `from` to its end; returns all captures, those of the prefix first. */
type MatchRest = (
  url: string,
  from: number,
  prefixCaptures: readonly string[],
  order: CaptureOrder,
) => readonly string[] | undefined

/**
 * Creates a matcher that compares literal prefixes as text and matches the rest with a shared expression: ten thousand rules
 * have few distinct endings, and each is compiled once. A pattern with lookaround in its prefix is one whole expression.
 */
export function createMatcher(parts: readonly Part[], prefixes: LiteralPrefixes): Matcher {
  const order = captureOrder(parts.flatMap(part => (part.kind === 'fragment' ? part.groups : [])))
  if (!prefixes.exact) {
    const expression = new RegExp(`^${patternSource(parts).source}$`, 'v')
    expression.test('') // V8 compiles at the first use, so an expression that is too large fails at load
    return {
      exec(url) {
        const match = expression.exec(url)
        return match === null ? undefined : orderCaptures(NO_CAPTURES, match, order)
      },
    }
  }
  const matchRest = compileRest(parts.slice(prefixes.partCount))
  const lengths = prefixes.alternatives.map(({ text }) => text.length)
  const captures = prefixes.alternatives.map(prefix => prefix.captures)
  const execFromPrefix = (url: string, index: number): readonly string[] | undefined =>
    matchRest(url, lengths[index] as number, captures[index] as readonly string[], order)
  return {
    execFromPrefix,
    exec(url) {
      for (let start = 0; start < prefixes.alternatives.length; start++) {
        if (!url.startsWith((prefixes.alternatives[start] as LiteralPrefix).text)) continue
        const found = execFromPrefix(url, start)
        if (found !== undefined) return found
      }
      return undefined
    },
  }
}

/**
 * Two common endings need no backtracking: a fragment that cannot contain a slash, before a literal that starts with one,
 * ends at the next slash; `.*` before such a literal ends at its last occurrence from which the rest matches.
 */
function compileRest(parts: readonly Part[]): MatchRest {
  const [fragment, literal, ...others] = parts
  if (fragment?.kind === 'fragment' && literal?.kind === 'literal' && literal.text.startsWith('/')) {
    const analysis = analyzeFragment(fragment)
    const source = patternSource([fragment]).source
    const ending = stickyExpression(patternSource(others).source)
    if (source === '([^\\n]*)') return matchUpToLastLiteral(literal.text, ending)
    if (!analysis.canContainSlash && analysis.isRegular) {
      return matchUpToSlash(stickyExpression(`${source}(?=\\/)`, ''), literal.text, ending)
    }
  }
  const ending = stickyExpression(patternSource(parts).source)
  return (url, from, prefixCaptures, order) => {
    ending.lastIndex = from
    const match = ending.exec(url)
    return match === null ? undefined : orderCaptures(prefixCaptures, match, order)
  }
}

function matchUpToSlash(fragment: RegExp, literal: string, ending: RegExp): MatchRest {
  return (url, from, prefixCaptures, order) => {
    const slash = url.indexOf('/', from)
    if (slash < 0 || !url.startsWith(literal, slash)) return undefined
    fragment.lastIndex = from
    const match = fragment.exec(url)
    if (match === null) return undefined
    ending.lastIndex = slash + literal.length
    const rest = ending.exec(url)
    return rest === null ? undefined : orderCaptures(prefixCaptures, match, order, rest)
  }
}

function matchUpToLastLiteral(literal: string, ending: RegExp): MatchRest {
  return (url, from, prefixCaptures, order) => {
    const newline = url.indexOf('\n', from)
    for (
      let slash = url.lastIndexOf(literal);
      slash >= from;
      slash = slash === 0 ? -1 : url.lastIndexOf(literal, slash - 1)
    ) {
      if (newline >= 0 && newline < slash) continue
      ending.lastIndex = slash + literal.length
      const rest = ending.exec(url)
      if (rest !== null) return orderCaptures(prefixCaptures, ['', url.slice(from, slash)], order, rest)
    }
    return undefined
  }
}

const expressionCache = new Map<string, RegExp>()

/** A cached sticky expression: set `lastIndex` before each use. */
function stickyExpression(start: string, end = '$'): RegExp {
  const source = start + end
  const cached = expressionCache.get(source)
  if (cached !== undefined) return cached
  const expression = new RegExp(source, 'vy')
  expression.test('')
  if (expressionCache.size >= MAX_CACHED_EXPRESSIONS) expressionCache.clear()
  expressionCache.set(source, expression)
  return expression
}

/** Indexes of the captures in Oathkeeper's order, which numbers named groups last. `undefined`: unchanged. */
type CaptureOrder = readonly number[] | undefined

function captureOrder(groups: readonly (string | undefined)[]): CaptureOrder {
  if (groups.every(name => name === undefined)) return undefined
  const indexes = groups.map((_, index) => index)
  const isNamed = (index: number): boolean => groups[index] !== undefined
  return [...indexes.filter(index => !isNamed(index)), ...indexes.filter(isNamed)]
}

/** Joins and orders captures. A group that did not participate is an empty text, as in Oathkeeper. */
function orderCaptures(
  prefixCaptures: readonly string[],
  match: readonly (string | undefined)[],
  order: CaptureOrder,
  rest?: readonly (string | undefined)[],
): readonly string[] {
  const captures: string[] = []
  for (let i = 0; i < prefixCaptures.length; i++) captures.push(prefixCaptures[i] as string)
  for (let i = 1; i < match.length; i++) captures.push(match[i] ?? '')
  if (rest !== undefined) for (let i = 1; i < rest.length; i++) captures.push(rest[i] ?? '')
  return order === undefined ? captures : order.map(index => captures[index] as string)
}

/** Creates a matcher of a glob, which has no captures. If an expression could backtrack, the glob is matched without one. */
export function createGlobMatcher(
  parts: readonly Part[],
  prefixes: LiteralPrefixes,
  isLinear: boolean,
): Matcher {
  const nodes = globNodes(parts)
  const extraUrls = new Set(overlappingTexts(nodes))
  if (!isLinear)
    return { exec: url => (matchGlob(nodes, url) || extraUrls.has(url) ? NO_CAPTURES : undefined) }
  const matcher = createMatcher(parts, prefixes)
  return extraUrls.size === 0
    ? matcher
    : { exec: url => (extraUrls.has(url) ? NO_CAPTURES : matcher.exec(url)) }
}
