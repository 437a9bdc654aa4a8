/** rules/pattern_shape — what can be said of a fragment without running it: its words, its loops, its danger. Once per distinct text. */
import { type CharSet, type Concatenation, type Element, JS } from 'refa'
import { analyse } from 'scslre'
import { isExponential, LOOPS_FROM } from './ambiguity.ts'
import { type Fragment, sourceOf } from './syntax.ts'

/** What every match passes, in order: one of `set` once, or again and again. */
export interface Passage {
  readonly loop: boolean
  readonly set: CharSet
}

export interface Shape {
  /** All words in the order in which the engine tries them; `undefined` when there are many or endlessly many. */
  readonly words: readonly string[] | undefined
  /** No lookaround and no reference: `words` are exactly those that match, wherever the fragment stands. */
  readonly plain: boolean
  readonly row: readonly Passage[]
  /** Cost grows exponentially with the length of a URL. */
  readonly exponential: boolean
  /** By how much the fragment's own loops raise the power of the length beyond what `row` shows. */
  readonly extraDegree: number
  /** Some match contains a slash. */
  readonly crossesSlash: boolean
  /** Each match is empty or starts with a slash. */
  readonly opensWithSlash: boolean
}

/** Words are counted up to here; more are as good as endless. */
const MOST_WORDS = 64
const SLASH = 0x2f
const KEPT = 10_000

const shapes = new Map<string, Shape>()

/** Throws where the libraries cannot read the fragment; the caller makes a fault of it. */
export function shapeOf(fragment: Fragment): Shape {
  // The libraries do not know scoped flags; to ignore case everywhere finds more, never less.
  const source = sourceOf(fragment, 1).replaceAll(/\(\?-?i:/g, '(?:')
  const flags = fragment.ignoresCase ? 'vi' : 'v'
  const key = `${flags}${source}`
  const known = shapes.get(key)
  if (known !== undefined) return known
  const shape = examine(source, flags)
  if (shapes.size >= KEPT) shapes.clear()
  shapes.set(key, shape)
  return shape
}

function examine(source: string, flags: string): Shape {
  const { expression } = JS.Parser.fromLiteral({ source, flags }).parse({
    assertions: 'parse',
    backreferences: 'unknown',
    maxBackreferenceWords: 0,
  })
  const { alternatives } = expression
  const row: Passage[] = []
  flatten(alternatives, row)
  const { reports } = analyse({ source: `^${source}$`, flags }, { assumeRejectingSuffix: true })
  const inLoops = row.filter(passage => passage.loop).length
  const trades = new Set(reports.map(report => (report.type === 'Trade' ? report.startQuant : report.quant)))
  return {
    words: wordsOf(alternatives),
    plain: isPlain(alternatives),
    row,
    exponential: reports.some(report => report.exponential) || isExponential(alternatives),
    extraDegree: Math.max(0, trades.size - Math.max(0, inLoops - 1)),
    crossesSlash: takes(alternatives, SLASH),
    opensWithSlash: opensWithSlash(alternatives),
  }
}

type Alternatives = readonly Concatenation[]

/** Groups with one way through them dissolve; others are passed without anything being certain but their loops. */
function flatten(alternatives: Alternatives, row: Passage[]): void {
  if (alternatives.length !== 1) {
    const looped = loopedSet(alternatives)
    if (looped !== undefined) row.push({ loop: true, set: looped })
    return
  }
  for (const element of (alternatives[0] as Concatenation).elements) {
    if (element.type === 'CharacterClass') row.push({ loop: false, set: element.characters })
    else if (element.type === 'Alternation') flatten(element.alternatives, row)
    else if (element.type === 'Quantifier') {
      if (element.max === 1 && element.min === 1) flatten(element.alternatives, row)
      else {
        const set = element.max > LOOPS_FROM ? setOf(element.alternatives) : loopedSet(element.alternatives)
        if (set !== undefined) row.push({ loop: true, set })
      }
    }
  }
}

/** All characters in an element. */
function setOf(alternatives: Alternatives): CharSet | undefined {
  return union(alternatives, element =>
    element.type === 'CharacterClass'
      ? element.characters
      : element.type === 'Alternation' || element.type === 'Quantifier'
        ? setOf(element.alternatives)
        : undefined,
  )
}

/** All characters of the loops in an element. */
function loopedSet(alternatives: Alternatives): CharSet | undefined {
  return union(alternatives, element =>
    element.type === 'Quantifier' && element.max > LOOPS_FROM
      ? setOf(element.alternatives)
      : element.type === 'Alternation' || element.type === 'Quantifier'
        ? loopedSet(element.alternatives)
        : undefined,
  )
}

function union(
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

const takes = (alternatives: Alternatives, char: number): boolean => setOf(alternatives)?.has(char) === true

const isPlain = (alternatives: Alternatives): boolean =>
  alternatives.every(alternative =>
    alternative.elements.every(element => {
      if (element.type === 'CharacterClass') return true
      if (element.type === 'Alternation' || element.type === 'Quantifier')
        return isPlain(element.alternatives)
      return false
    }),
  )

/** Lookaround is passed over: words may be more than match, never fewer. A reference can be anything. */
function wordsOf(alternatives: Alternatives): string[] | undefined {
  const words = new Set<string>()
  for (const alternative of alternatives) {
    let heads: string[] = ['']
    for (const element of alternative.elements) {
      const tails = wordsOfElement(element)
      if (tails === undefined || heads.length * tails.length > MOST_WORDS) return undefined
      heads = heads.flatMap(head => tails.map(tail => head + tail))
    }
    for (const word of heads) words.add(word)
  }
  return words.size > MOST_WORDS ? undefined : [...words]
}

function wordsOfElement(element: Element): string[] | undefined {
  switch (element.type) {
    case 'Assertion':
      return ['']
    case 'Unknown':
      return undefined
    case 'Alternation':
      return wordsOf(element.alternatives)
    case 'CharacterClass':
      return charsOf(element.characters)
    case 'Quantifier': {
      if (element.max > MOST_WORDS) return undefined
      const once = wordsOf(element.alternatives)
      if (once === undefined) return undefined
      const rounds: string[][] = [['']]
      for (let n = 1; n <= element.max; n++) {
        const before = rounds[n - 1] as string[]
        if (before.length * once.length > MOST_WORDS) return undefined
        rounds.push(before.flatMap(head => once.map(tail => head + tail)))
      }
      const counted = rounds.slice(element.min)
      return [...new Set((element.lazy ? counted : counted.toReversed()).flat())]
    }
  }
}

function charsOf(set: CharSet): string[] | undefined {
  const chars: string[] = []
  for (const { min, max } of set.ranges) {
    if (max - min >= MOST_WORDS) return undefined
    for (let code = min; code <= max; code++) chars.push(String.fromCodePoint(code))
  }
  return chars.length > MOST_WORDS ? undefined : chars
}

const opensWithSlash = (alternatives: Alternatives): boolean =>
  alternatives.every(({ elements: [first, ...others] }) => {
    if (first === undefined) return true
    if (first.type === 'CharacterClass')
      return first.characters.ranges.every(r => r.min === SLASH && r.max === SLASH)
    if (first.type !== 'Alternation' && first.type !== 'Quantifier') return false
    const empty = first.type === 'Quantifier' || first.alternatives.some(a => a.elements.length === 0)
    return opensWithSlash(first.alternatives) && (!empty || others.length === 0)
  })
