/** rules/pattern — from `match.url` as written to a Pattern, or to what is wrong with it. Knows no rule and no request. */
import type { Pattern } from '../../access/rule.ts'
import { overlaps } from '../../golang/index.ts'
import { shapeOf } from './fragment_analysis.ts'
import { globNodes, globParts } from './glob.ts'
import { globMatcher, type Heads, headsOf, matcherOf } from './matcher.ts'
import { type Risk, riskOf } from './matching_cost.ts'
import { type LocateOptions, locate } from './origin.ts'
import { translateFragment } from './regexp.ts'
import { cutAtDelimiters, type Lint, type Part, PatternFault, type Piece } from './syntax.ts'

export type Strategy = 'regexp' | 'glob'

export interface CompiledPattern {
  readonly pattern: Pattern
  readonly lints: readonly Lint[]
  /** What it was compiled from, for lints that look at more than one pattern. */
  readonly read: ReadPattern
}

export interface ReadPattern {
  /** With scheme and host as requests have them. */
  readonly parts: readonly Part[]
  readonly heads: Heads
  /** Matches too, beyond what `parts` say. */
  readonly extras: readonly string[]
}

export interface RefusedPattern {
  /** `column` is 1-based, in the text of the pattern. */
  readonly fault: { readonly message: string; readonly hint: string; readonly column?: number }
}

/** Compiles `match.url`. Takes some microseconds where its fragments were seen before, so a caller yields between rules. */
export function compilePattern(
  text: string,
  strategy: Strategy,
  hosts?: LocateOptions['hosts'],
): CompiledPattern | RefusedPattern {
  return compile(text, strategy, { hosts })
}

/** Compiles an RPC rule's pattern, for `rpc://authority/full_method` (spec 1.9). */
export function compileRpcPattern(
  authority: string,
  fullMethod: string,
  strategy: Strategy = 'regexp',
  hosts?: LocateOptions['hosts'],
): CompiledPattern | RefusedPattern {
  return compile(`rpc://${authority}/${fullMethod.replace(/^\//, '')}`, strategy, { schemes: ['rpc'], hosts })
}

function compile(text: string, strategy: Strategy, options: LocateOptions): CompiledPattern | RefusedPattern {
  try {
    const pieces = cutAtDelimiters(text)
    const read = strategy === 'glob' ? globParts(pieces) : regexpParts(pieces)
    const { parts, lints, pathPrefix } = locate(read.parts, options)
    const heads = headsOf(parts)
    const risk = riskOf(parts)
    const all = [...read.lints, ...lints]
    // Nested braces multiply the ways of an expression without any loop.
    const linear =
      risk.degree === 1 &&
      parts.filter(part => part.kind === 'fragment' && part.text.startsWith('(')).length <= MOST_GROUPS
    if (strategy === 'regexp' && risk.degree > 1) all.push(slow(risk))
    const pattern: Pattern = {
      text,
      ...indexed(parts, heads, pathPrefix),
      ...(strategy === 'regexp' && risk.longest !== undefined ? { longest: risk.longest } : {}),
      ...(strategy === 'glob' ? globMatcher(parts, heads, linear) : matcherOf(parts, heads)),
    }
    const extras = strategy === 'glob' ? [...overlaps(globNodes(parts))] : []
    return { pattern, lints: unique(all), read: { parts, heads, extras } }
  } catch (error) {
    if (error instanceof PatternFault) {
      return { fault: { message: error.message, hint: error.hint, column: error.column + 1 } }
    }
    // What the translation let through and JavaScript or the analysis cannot read.
    const message = error instanceof Error ? error.message : String(error)
    return { fault: { message: `the pattern cannot be used: ${message}`, hint: 'write it more simply' } }
  }
}

/** Groups of a glob that an expression may try in all combinations. */
const MOST_GROUPS = 3

function regexpParts(pieces: readonly Piece[]): { parts: Part[]; lints: Lint[] } {
  const lints: Lint[] = []
  let fragments = 0
  const names = new Set<string>()
  const parts = pieces.map((piece): Part => {
    if (!piece.active) return { kind: 'literal', text: piece.text }
    const { fragment, lints: more, namesItself } = translateFragment(piece)
    if (namesItself && fragments > 0) {
      const message = 'backreferences by number reach into other fragments'
      throw new PatternFault(message, piece.column, 'name the group: (?<n>…)\\k<n>')
    }
    fragments++
    for (const name of fragment.groups) {
      if (name === undefined) continue
      if (names.has(name)) {
        const message = `the name "${name}" is used twice`
        throw new PatternFault(message, piece.column, 'give every group its own name')
      }
      names.add(name)
    }
    if (shapeOf(fragment).exponential) {
      throw new PatternFault(
        `"<${piece.text}>" can take exponential time on a hostile URL`,
        piece.column,
        'do not repeat a group in which parts of one text can be told apart in several ways, as in (a+)+',
      )
    }
    lints.push(...more)
    return fragment
  })
  return { parts, lints }
}

/** What the index may rely on: literal texts that every matching URL has. */
function indexed(
  parts: readonly Part[],
  heads: Heads,
  pathPrefix: string,
): Pick<Pattern, 'origins' | 'pathPrefix' | 'starts' | 'contains'> {
  const starts = heads.texts.map(head => head.text)
  const split = starts.map(splitOrigin)
  const next = parts[heads.parts]
  const closed =
    next === undefined || (next === parts.at(-1) && next.kind === 'fragment' && shapeOf(next).opensWithSlash)
  const known = split.every(([origin, path]) => origin.includes('://') && (path !== '' || closed))
  const contains = parts
    .slice(heads.parts)
    .flatMap(part => (part.kind === 'literal' && part.text.includes('/') ? [part.text] : []))
    .map(text => text.slice(text.indexOf('/')))
    .reduce((longest, text) => (text.length > longest.length ? text : longest), '')
  return {
    origins: known ? [...new Set(split.map(([origin]) => origin))] : undefined,
    pathPrefix: known ? split.map(([, path]) => path).reduce(commonStart, split[0]?.[1] ?? '') : pathPrefix,
    ...(starts.every(start => start.includes('://') && !start.endsWith('://')) ? { starts } : {}),
    ...(contains === '' ? {} : { contains }),
  }
}

function splitOrigin(start: string): readonly [origin: string, path: string] {
  const colon = start.indexOf('://')
  const slash = colon < 0 ? -1 : start.indexOf('/', colon + 3)
  return slash < 0 ? [start, ''] : [start.slice(0, slash), start.slice(slash)]
}

function commonStart(a: string, b: string): string {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length)
}

const slow = ({ degree, longest }: Risk): Lint => ({
  message:
    `matching can take time that grows with the length of a URL to the power of ${degree}` +
    (longest === undefined ? '' : `; URLs of more than ${longest} characters are refused`),
  hint: 'exclude the character that follows from each repeated class, e.g. <[^/]*> instead of <.*>',
})

const unique = (lints: readonly Lint[]): Lint[] => [
  ...new Map(lints.map(lint => [`${lint.message}\n${lint.hint}`, lint])).values(),
]
