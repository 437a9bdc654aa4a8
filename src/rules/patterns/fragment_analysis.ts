/** Analyzes fragments: their syntax tree, the words that they match, and their characters. */
import { type Concatenation, JS } from 'refa'
import { wordsOf } from './finite_words.ts'
import { type Fragment, fragmentSource } from './syntax.ts'

export interface FragmentAnalysis {
  /** All words in the order in which an engine tries them; `undefined` if there are too many. */
  readonly words: readonly string[] | undefined
  /** True without lookaround and backreference: `words` are then exactly the texts that match, in any context. */
  readonly isRegular: boolean
  /** Its syntax tree with all that an engine tries, such as branches and lookarounds that change no result. */
  readonly asWritten: Alternatives
  /** Whether a match can contain a slash. */
  readonly canContainSlash: boolean
  /** Whether each match is empty or starts with a slash. */
  readonly startsWithSlash: boolean
}

const SLASH = 0x2f
const MAX_CACHED_ANALYSES = 10_000

const analysisCache = new Map<string, FragmentAnalysis>()
/** Spares the text of the key: thousands of rules share their fragments. */
const analysisByFragment = new WeakMap<Fragment, FragmentAnalysis>()

/** Analyzes a fragment; results are cached by its source. Throws if refa cannot parse it. */
export function analyzeFragment(fragment: Fragment): FragmentAnalysis {
  const known = analysisByFragment.get(fragment)
  if (known !== undefined) return known
  const analysis = analyzeBySource(fragment)
  analysisByFragment.set(fragment, analysis)
  return analysis
}

function analyzeBySource(fragment: Fragment): FragmentAnalysis {
  // refa does not support scoped flags. Ignoring case everywhere finds more dangers and words, never fewer.
  const source = fragmentSource(fragment, 1).replaceAll(/\(\?-?i:/g, '(?:')
  const flags = fragment.ignoresCase ? 'vi' : 'v'
  const key = `${flags}${source}`
  const cached = analysisCache.get(key)
  if (cached !== undefined) return cached
  const analysis = analyzeSource(source, flags)
  if (analysisCache.size >= MAX_CACHED_ANALYSES) analysisCache.clear()
  analysisCache.set(key, analysis)
  return analysis
}

function analyzeSource(source: string, flags: string): FragmentAnalysis {
  const parser = JS.Parser.fromLiteral({ source, flags })
  const options = { assertions: 'parse', backreferences: 'unknown', maxBackreferenceWords: 0 } as const
  const { alternatives } = parser.parse(options).expression
  return {
    words: wordsOf(alternatives),
    isRegular: isRegular(alternatives),
    asWritten: parser.parse({ ...options, simplify: false }).expression.alternatives,
    canContainSlash: canContain(alternatives, SLASH),
    startsWithSlash: startsWithSlash(alternatives),
  }
}

type Alternatives = readonly Concatenation[]

const canContain = (alternatives: Alternatives, char: number): boolean =>
  alternatives.some(({ elements }) =>
    elements.some(element => {
      if (element.type === 'CharacterClass') return element.characters.has(char)
      if (element.type === 'Alternation' || element.type === 'Quantifier')
        return canContain(element.alternatives, char)
      return false
    }),
  )

const isRegular = (alternatives: Alternatives): boolean =>
  alternatives.every(alternative =>
    alternative.elements.every(element => {
      if (element.type === 'CharacterClass') return true
      if (element.type === 'Alternation' || element.type === 'Quantifier')
        return isRegular(element.alternatives)
      return false
    }),
  )

const startsWithSlash = (alternatives: Alternatives): boolean =>
  alternatives.every(({ elements: [first, ...others] }) => {
    if (first === undefined) return true
    if (first.type === 'CharacterClass')
      return first.characters.ranges.every(r => r.min === SLASH && r.max === SLASH)
    if (first.type !== 'Alternation' && first.type !== 'Quantifier') return false
    const empty = first.type === 'Quantifier' || first.alternatives.some(a => a.elements.length === 0)
    return startsWithSlash(first.alternatives) && (!empty || others.length === 0)
  })
