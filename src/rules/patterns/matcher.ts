/** rules/pattern_exec — the function that matches a URL against the parts of a pattern. Knows neither hosts nor lints. */
import { matchGlob, overlappingTexts } from '../../golang/index.ts'
import { analyzeFragment } from './fragment_analysis.ts'
import { globNodes } from './glob.ts'
import { type Fragment, type Part, patternSource } from './syntax.ts'

type MatchUrl = (url: string) => readonly string[] | undefined

/** A text that a match can start with, and what the groups of the fragments in it capture then. */
interface LiteralPrefix {
  readonly text: string
  readonly captures: readonly string[]
}

export interface LiteralPrefixes {
  readonly alternatives: readonly LiteralPrefix[]
  /** How many parts they stand for. */
  readonly partCount: number
  /** Nothing in them looks around or back, so the rest can be matched on its own. */
  readonly exact: boolean
}

/** More ways to start than this are not spelled out. */
const MAX_PREFIXES = 16
const MAX_CACHED_EXPRESSIONS = 10_000
const NO_CAPTURES: readonly string[] = Object.freeze([])

/** `<https?>://svc.example.com/api/` is two texts. They stand in the order in which an engine would try them. */
export function findLiteralPrefixes(parts: readonly Part[]): LiteralPrefixes {
  let alternatives: readonly LiteralPrefix[] = [{ text: '', captures: NO_CAPTURES }]
  let exact = true
  for (const [i, part] of parts.entries()) {
    if (part.kind === 'literal') {
      alternatives = alternatives.map(({ text, captures }) => ({ text: text + part.text, captures }))
      continue
    }
    const analysis = analyzeFragment(part)
    if (analysis.words === undefined || analysis.words.length * alternatives.length > MAX_PREFIXES) {
      return { alternatives, partCount: i, exact }
    }
    exact &&= analysis.isRegular
    const words = fragmentPrefixes(part, analysis.words, analysis.isRegular)
    alternatives = alternatives.flatMap(({ text, captures }) =>
      words.map(word => ({ text: text + word.text, captures: [...captures, ...word.captures] })),
    )
  }
  return { alternatives, partCount: parts.length, exact }
}

/** Words may be more than match (where case is ignored in part); those of a fragment that looks around cannot be told alone. */
function fragmentPrefixes(fragment: Fragment, words: readonly string[], exact: boolean): LiteralPrefix[] {
  if (!exact) return words.map(text => ({ text, captures: NO_CAPTURES }))
  const wholeFragment = new RegExp(`^${patternSource([fragment]).source}$`, 'v')
  return words.flatMap(text => {
    const match = wholeFragment.exec(text)
    return match === null ? [] : [{ text, captures: match.slice(1).map(group => group ?? '') }]
  })
}

export interface Matcher {
  readonly exec: MatchUrl
  readonly execFromPrefix?: (url: string, start: number) => readonly string[] | undefined
}

/** What follows the text that a match starts with: captures of the rest of `url` from `at` on. */
type MatchRest = (
  url: string,
  at: number,
  head: readonly string[],
  order: CaptureOrder,
) => readonly string[] | undefined

/**
 * Ten thousand rules have few different endings, so an ending is compiled once and shared, and the texts that a pattern
 * starts with are compared as texts. Where a fragment looks around, the whole pattern is one expression.
 */
export function createMatcher(parts: readonly Part[], prefixes: LiteralPrefixes): Matcher {
  const order = captureOrder(patternSource(parts).groups)
  if (!prefixes.exact) {
    const expression = new RegExp(`^${patternSource(parts).source}$`, 'v')
    expression.test('') // V8 compiles at the first use: what is too large shall fail here
    return {
      exec(url) {
        const match = expression.exec(url)
        return match === null ? undefined : orderCaptures(NO_CAPTURES, match, order)
      },
    }
  }
  const matchRest = compileRest(parts.slice(prefixes.partCount))
  const lengths = prefixes.alternatives.map(head => head.text.length)
  const captures = prefixes.alternatives.map(head => head.captures)
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

/** A fragment before a literal slash that it cannot cross ends there; `.*` ends at the last one from which the rest matches. */
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

/** Sticky: matches from `lastIndex`, which is set before each use, to the end. */
function stickyExpression(start: string, end = '$'): RegExp {
  const source = start + end
  const known = expressionCache.get(source)
  if (known !== undefined) return known
  const ending = new RegExp(source, 'vy')
  ending.test('')
  if (expressionCache.size >= MAX_CACHED_EXPRESSIONS) expressionCache.clear()
  expressionCache.set(source, ending)
  return ending
}

/** Places of the captures in Oathkeeper's order: named groups are numbered last. `undefined`: as they come. */
type CaptureOrder = readonly number[] | undefined

function captureOrder(groups: readonly (string | undefined)[]): CaptureOrder {
  if (groups.every(name => name === undefined)) return undefined
  const indexes = groups.map((_, index) => index)
  const isNamed = (place: number): boolean => groups[place] !== undefined
  return [...indexes.filter(place => !isNamed(place)), ...indexes.filter(isNamed)]
}

/** `match[0]` is the text that matched. A group that took no part is empty (spec 2.4). */
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

/** Globs capture nothing. The matcher that never goes back serves where an expression might. */
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
