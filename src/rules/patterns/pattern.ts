/** Compiles a rule's `match.url` into a pattern, or explains why it cannot be used. */
import type { MatchPattern } from '../../access/rule.ts'
import { overlappingTexts } from '../../golang/index.ts'
import { analyzeFragment } from './fragment_analysis.ts'
import { globNodes, parseGlobPattern } from './glob.ts'
import { findLiteralPrefixes, type LiteralPrefixes } from './literal_prefixes.ts'
import { createGlobMatcher, createMatcher } from './matcher.ts'
import { type MatchingCost, matchingCost } from './matching_cost.ts'
import { normalizeOrigin, type OriginOptions } from './origin.ts'
import { literalHosts } from './origin_bounds.ts'
import { translateFragment } from './regexp.ts'
import { type Part, PatternError, type PatternLint, type Piece, splitAtDelimiters } from './syntax.ts'

export type MatchingStrategy = 'regexp' | 'glob'

export interface CompiledPattern {
  readonly pattern: MatchPattern
  readonly lints: readonly PatternLint[]
  /** Its parsed form, for lints that compare patterns. */
  readonly parsed: ParsedPattern
}

export interface ParsedPattern {
  /** Scheme and host are normalized like those of requests. */
  readonly parts: readonly Part[]
  readonly prefixes: LiteralPrefixes
  /** URLs that a glob matches although its parts do not, because gobwas lets adjacent literals overlap (Q-73). */
  readonly extraUrls: readonly string[]
}

export interface RejectedPattern {
  /** `column` is 1-based, in the text of the pattern. */
  readonly fault: { readonly message: string; readonly hint: string; readonly column?: number }
}

/**
 * Compiles `match.url`. `hosts: 'exact'` leaves the host as it is written. Never throws: a pattern that cannot be used is a
 * `RejectedPattern`. Takes a few microseconds if its fragments are cached and some milliseconds if they are not, so yield
 * between rules.
 */
export function compilePattern(
  text: string,
  strategy: MatchingStrategy,
  hosts?: OriginOptions['hosts'],
): CompiledPattern | RejectedPattern {
  return compileText(text, strategy, { hosts })
}

/** Compiles the pattern of an RPC rule, which matches `rpc://authority/full_method`. */
export function compileRpcPattern(
  authority: string,
  fullMethod: string,
  strategy: MatchingStrategy = 'regexp',
  hosts?: OriginOptions['hosts'],
): CompiledPattern | RejectedPattern {
  return compileText(`rpc://${authority}/${fullMethod.replace(/^\//, '')}`, strategy, {
    schemes: ['rpc'],
    hosts,
  })
}

function compileText(
  text: string,
  strategy: MatchingStrategy,
  options: OriginOptions,
): CompiledPattern | RejectedPattern {
  try {
    const pieces = splitAtDelimiters(text)
    const nested = pieces.flatMap(lintNestedDelimiters)
    const translated = strategy === 'glob' ? parseGlobPattern(pieces) : translateRegexp(pieces)
    const { parts, lints, pathPrefix } = normalizeOrigin(translated.parts, options)
    const prefixes = findLiteralPrefixes(parts)
    const cost = matchingCost(parts, prefixes)
    if (strategy === 'regexp' && cost.excessive) rejectExcessive(translated.parts, pieces)
    const allLints = [...nested, ...translated.lints, ...lints]
    // Nested braces multiply the paths through an expression, even without a loop.
    const isLinear =
      cost.degree === 1 &&
      cost.silent &&
      parts.filter(part => part.kind === 'fragment' && part.text.startsWith('(')).length <= MAX_GLOB_GROUPS
    if (strategy === 'regexp' && !cost.silent) allLints.push(costLint(cost))
    const pattern: MatchPattern = {
      text,
      ...indexHints(parts, prefixes, pathPrefix),
      ...(strategy === 'regexp' && cost.maxUrlChars !== undefined ? { maxUrlChars: cost.maxUrlChars } : {}),
      ...(strategy === 'glob'
        ? createGlobMatcher(parts, prefixes, isLinear)
        : createMatcher(parts, prefixes)),
    }
    const extraUrls = strategy === 'glob' ? [...overlappingTexts(globNodes(parts))] : []
    return { pattern, lints: deduplicateLints(allLints), parsed: { parts, prefixes, extraUrls } }
  } catch (error) {
    if (error instanceof PatternError) {
      return { fault: { message: error.message, hint: error.hint, column: error.column + 1 } }
    }
    // The translation accepted something that JavaScript's parser or the analysis rejects.
    const message = error instanceof Error ? error.message : String(error)
    return { fault: { message: `the pattern cannot be used: ${message}`, hint: 'simplify it' } }
  }
}

/** Only the outermost brackets delimit; those within are text, or name a group as in `(?<name>…)` and `\\k<name>`. */
function lintNestedDelimiters({ delimited, text }: Piece): PatternLint[] {
  if (!delimited || !/(?<!\(\?|\\k)</.test(text)) return []
  return [
    {
      message: `"<${text}>" has brackets within brackets, and the inner ones are literal text`,
      hint: 'delimit each expression by itself, for example https://example.com/<.*>',
    },
  ]
}

/** A glob with more groups is matched without backtracking: an expression would try all combinations of their branches. */
const MAX_GLOB_GROUPS = 3

function translateRegexp(pieces: readonly Piece[]): { parts: Part[]; lints: PatternLint[] } {
  const lints: PatternLint[] = []
  let fragments = 0
  const names = new Set<string>()
  const parts = pieces.map((piece): Part => {
    if (!piece.delimited) return { kind: 'literal', text: piece.text }
    const { fragment, lints: fragmentLints, referencesItself } = translateFragment(piece)
    if (referencesItself && fragments > 0) {
      const message = 'a backreference by number would refer to another fragment'
      throw new PatternError(message, piece.column, 'name the group: (?<n>…)\\k<n>')
    }
    fragments++
    for (const name of fragment.groups) {
      if (name === undefined) continue
      if (names.has(name)) {
        const message = `the name "${name}" is used twice`
        throw new PatternError(message, piece.column, 'give every group its own name')
      }
      names.add(name)
    }
    lints.push(...fragmentLints)
    return fragment
  })
  return { parts, lints }
}

/** Throws for the first fragment that takes too long by itself, else for the whole pattern. */
function rejectExcessive(parts: readonly Part[], pieces: readonly Piece[]): never {
  const index = parts.findIndex(
    part => part.kind === 'fragment' && matchingCost([part], findLiteralPrefixes([part])).excessive,
  )
  const piece = pieces[index]
  throw new PatternError(
    `${piece === undefined ? 'the pattern' : `"<${piece.text}>"`} can take too long on a hostile URL`,
    piece?.column ?? 0,
    'do not repeat what can match one text in several ways, such as (a+)+, (.*x){8} or a*a*a*a*',
  )
}

/** What the rule index relies on: literal texts that every matching URL has. A wrong one would make the rule unreachable. */
function indexHints(
  parts: readonly Part[],
  literals: LiteralPrefixes,
  pathPrefix: string,
): Pick<MatchPattern, 'origins' | 'hosts' | 'pathPrefix' | 'prefixes' | 'requiredSubstring'> {
  const prefixes = literals.alternatives.map(({ text }) => text)
  const originsAndPaths = prefixes.map(splitOrigin)
  const next = parts[literals.partCount]
  const hostIsClosed =
    next === undefined ||
    (next === parts.at(-1) && next.kind === 'fragment' && analyzeFragment(next).startsWithSlash)
  const originsAreKnown = originsAndPaths.every(
    ([origin, path]) => origin.includes('://') && (path !== '' || hostIsClosed),
  )
  const requiredSubstring = parts
    .slice(literals.partCount)
    .flatMap(part => (part.kind === 'literal' && part.text.includes('/') ? [part.text] : []))
    .map(text => text.slice(text.indexOf('/')))
    .reduce((longest, text) => (text.length > longest.length ? text : longest), '')
  const hosts = originsAreKnown ? undefined : literalHosts(parts)
  return {
    ...(hosts === undefined ? {} : { hosts }),
    origins: originsAreKnown ? [...new Set(originsAndPaths.map(([origin]) => origin))] : undefined,
    pathPrefix: originsAreKnown
      ? originsAndPaths.map(([, path]) => path).reduce(commonPrefix, originsAndPaths[0]?.[1] ?? '')
      : pathPrefix,
    ...(prefixes.every(prefix => prefix.includes('://') && !prefix.endsWith('://')) ? { prefixes } : {}),
    ...(requiredSubstring === '' ? {} : { requiredSubstring }),
  }
}

function splitOrigin(prefix: string): readonly [origin: string, path: string] {
  const colon = prefix.indexOf('://')
  const slash = colon < 0 ? -1 : prefix.indexOf('/', colon + 3)
  return slash < 0 ? [prefix, ''] : [prefix.slice(0, slash), prefix.slice(slash)]
}

function commonPrefix(a: string, b: string): string {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length)
}

const costLint = ({ degree, maxUrlChars }: MatchingCost): PatternLint => ({
  message:
    (degree > 1
      ? `matching time grows with the length of the URL to the power of ${degree}`
      : 'matching a long URL can take more than 50 ms') +
    (maxUrlChars === undefined ? '' : `; URLs of more than ${maxUrlChars} characters are rejected`),
  hint: 'exclude the character that follows from each repeated class, for example <[^/]*> instead of <.*>',
})

const deduplicateLints = (lints: readonly PatternLint[]): PatternLint[] => [
  ...new Map(lints.map(lint => [`${lint.message}\n${lint.hint}`, lint])).values(),
]
