/** Analyzes fragments: the words that they match, their loops, and whether matching can take exponential time. */
import { type CharSet, type Concatenation, type Element, JS } from 'refa'
import { analyse } from 'scslre'
import { isExponentiallyAmbiguous, MAX_BOUNDED_REPETITIONS } from './ambiguity.ts'
import { wordsOf } from './finite_words.ts'
import { type Fragment, fragmentSource } from './syntax.ts'

/** A step of every match: one character of `set`, or in a loop any number of them. */
export interface MatchStep {
  readonly loop: boolean
  readonly set: CharSet
}

export interface FragmentAnalysis {
  /** All words in the order in which an engine tries them; `undefined` if there are too many. */
  readonly words: readonly string[] | undefined
  /** True without lookaround and backreference: `words` are then exactly the texts that match, in any context. */
  readonly isRegular: boolean
  /** The steps that every match takes, in order. */
  readonly steps: readonly MatchStep[]
  /** Whether the cost grows exponentially with the length of a URL. */
  readonly exponential: boolean
  /** How much loops that `steps` does not show raise the degree of the cost. */
  readonly extraDegree: number
  /** Whether a match can contain a slash. */
  readonly canContainSlash: boolean
  /** Whether each match is empty or starts with a slash. */
  readonly startsWithSlash: boolean
}

const SLASH = 0x2f
const MAX_CACHED_ANALYSES = 10_000

const analysisCache = new Map<string, FragmentAnalysis>()

/** Analyzes a fragment; results are cached by its source. Throws if refa or scslre cannot parse it. */
export function analyzeFragment(fragment: Fragment): FragmentAnalysis {
  // refa and scslre do not support scoped flags. Ignoring case everywhere finds more dangers and words, never fewer.
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
  const { expression } = JS.Parser.fromLiteral({ source, flags }).parse({
    assertions: 'parse',
    backreferences: 'unknown',
    maxBackreferenceWords: 0,
  })
  const { alternatives } = expression
  const steps: MatchStep[] = []
  collectSteps(alternatives, steps)
  const { reports } = analyse({ source: `^${source}$`, flags }, { assumeRejectingSuffix: true })
  const loopCount = steps.filter(step => step.loop).length
  const trades = new Set(reports.map(report => (report.type === 'Trade' ? report.startQuant : report.quant)))
  return {
    words: wordsOf(alternatives),
    isRegular: isRegular(alternatives),
    steps,
    exponential: reports.some(report => report.exponential) || isExponentiallyAmbiguous(alternatives),
    extraDegree: Math.max(0, trades.size - Math.max(0, loopCount - 1)),
    canContainSlash: canContain(alternatives, SLASH),
    startsWithSlash: startsWithSlash(alternatives),
  }
}

type Alternatives = readonly Concatenation[]

/** Adds the steps of an expression. A group with several alternatives adds its loops only, since no step of it is certain. */
function collectSteps(alternatives: Alternatives, steps: MatchStep[]): void {
  if (alternatives.length !== 1) {
    const looped = loopedCharacterSet(alternatives)
    if (looped !== undefined) steps.push({ loop: true, set: looped })
    return
  }
  for (const element of (alternatives[0] as Concatenation).elements) {
    if (element.type === 'CharacterClass') steps.push({ loop: false, set: element.characters })
    else if (element.type === 'Alternation') collectSteps(element.alternatives, steps)
    else if (element.type === 'Quantifier') {
      if (element.max === 1 && element.min === 1) collectSteps(element.alternatives, steps)
      else {
        const set =
          element.max > MAX_BOUNDED_REPETITIONS
            ? characterSet(element.alternatives)
            : loopedCharacterSet(element.alternatives)
        if (set !== undefined) steps.push({ loop: true, set })
      }
    }
  }
}

/** The characters of all classes in an expression. */
function characterSet(alternatives: Alternatives): CharSet | undefined {
  return unionOf(alternatives, element =>
    element.type === 'CharacterClass'
      ? element.characters
      : element.type === 'Alternation' || element.type === 'Quantifier'
        ? characterSet(element.alternatives)
        : undefined,
  )
}

/** The characters of all loops in an expression. */
function loopedCharacterSet(alternatives: Alternatives): CharSet | undefined {
  return unionOf(alternatives, element =>
    element.type === 'Quantifier' && element.max > MAX_BOUNDED_REPETITIONS
      ? characterSet(element.alternatives)
      : element.type === 'Alternation' || element.type === 'Quantifier'
        ? loopedCharacterSet(element.alternatives)
        : undefined,
  )
}

function unionOf(
  alternatives: Alternatives,
  of: (element: Element) => CharSet | undefined,
): CharSet | undefined {
  let all: CharSet | undefined
  for (const element of alternatives.flatMap(alternative => alternative.elements)) {
    const set = of(element)
    if (set !== undefined) all = all === undefined ? set : all.union(set)
  }
  return all
}

const canContain = (alternatives: Alternatives, char: number): boolean =>
  characterSet(alternatives)?.has(char) === true

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
