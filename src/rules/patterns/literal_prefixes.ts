/** Finds the literal texts that every URL matching a pattern starts with. */
import { analyzeFragment } from './fragment_analysis.ts'
import { type Fragment, type Part, patternSource } from './syntax.ts'

/** A text that matching URLs start with, and the captures of the fragments that it covers. */
export interface LiteralPrefix {
  readonly text: string
  readonly captures: readonly string[]
}

export interface LiteralPrefixes {
  readonly alternatives: readonly LiteralPrefix[]
  /** Number of parts that the prefixes cover. */
  readonly partCount: number
  /** True if the covered parts have no lookaround and no backreference: the rest can be matched by itself. */
  readonly exact: boolean
}

/** A pattern with more alternatives is covered up to an earlier part only. */
const MAX_PREFIXES = 16
export const NO_CAPTURES: readonly string[] = Object.freeze([])

/**
 * Expands the leading parts of a pattern while they match finitely many texts: `<https?>://svc.example.com/api/` has two
 * prefixes. They are in the order in which a backtracking engine tries them, so the first match has the same captures.
 */
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

/** An expression for each fragment of ten thousand rules would take most of the time to load them. */
const prefixesByFragment = new WeakMap<Fragment, readonly LiteralPrefix[]>()

/**
 * The words of one fragment with their captures. Words that do not match are dropped; there are some if only a part of the
 * fragment ignores case. A fragment with a lookaround cannot be checked by itself, so all of its words are kept.
 */
function fragmentPrefixes(
  fragment: Fragment,
  words: readonly string[],
  exact: boolean,
): readonly LiteralPrefix[] {
  if (!exact) return words.map(text => ({ text, captures: NO_CAPTURES }))
  const known = prefixesByFragment.get(fragment)
  if (known !== undefined) return known
  const wholeFragment = new RegExp(`^${patternSource([fragment]).source}$`, 'v')
  const prefixes = words.flatMap(text => {
    const match = wholeFragment.exec(text)
    return match === null ? [] : [{ text, captures: match.slice(1).map(group => group ?? '') }]
  })
  prefixesByFragment.set(fragment, prefixes)
  return prefixes
}
