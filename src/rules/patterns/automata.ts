/** rules/pattern_words — texts that expressions have in common, found by intersecting automata. Knows sources of expressions, neither hosts nor rules. */
import { type CharSet, JS, NFA } from 'refa'

/** States of an automaton; a larger one is not examined. */
const MOST_STATES = 1_000
/** Words are looked at up to here, shortest first. */
const MOST_WORDS = 24
/** Ways by which a state is passed on. */
const MOST_PASSES = 4
/** Findings of each kind. */
const KEPT = 2_000
const MAX_CHARACTER = 0x10ffff

/** Characters by which a class is spelled out, best first. Two rows, because one may be what a lookahead excludes. */
const TASTES: readonly (readonly number[])[] = ['a1A-_~', 'z9Zx'].map(row =>
  Array.from(row, char => char.charCodeAt(0)),
)
/** What means something in a URL, or ends it. */
const SPECIAL: ReadonlySet<number> = new Set(Array.from('%./;\\', char => char.charCodeAt(0)))

/** An expression; `ignoreCase` where some of it is matched without regard to case. */
export interface Language {
  readonly source: string
  readonly ignoreCase: boolean
}

export interface Words {
  /** Some words of a language, shortest first; none where it cannot be told. */
  of(language: Language): readonly string[]
  /** Some words of both, shortest first; empty where there is certainly none, `undefined` where it cannot be told. */
  common(a: Language, b: Language): readonly string[] | undefined
}

/** Remembers what it found: one for the time of a compile. */
export function createWords(): Words {
  const automatonOf = remembered(build)
  const of = remembered((language: Language): readonly string[] => {
    const automaton = automatonOf(language)
    return automaton === undefined ? [] : spelled(automaton)
  })
  const common = remembered((a: Language, b: Language): readonly string[] | undefined => {
    const [one, other] = [automatonOf(a), automatonOf(b)]
    if (one === undefined || other === undefined) return undefined
    try {
      const both = NFA.fromIntersection(one, other, limited())
      return both.isEmpty ? [] : spelled(both)
    } catch {
      return undefined
    }
  })
  return { of, common }
}

function remembered<T>(find: (...languages: Language[]) => T): (...languages: Language[]) => T {
  const known = new Map<string, T>()
  return (...languages) => {
    const key = languages.map(one => `${one.ignoreCase ? 'i' : 's'}${one.source}`).join('\0')
    if (known.has(key)) return known.get(key) as T
    if (known.size >= KEPT) known.clear()
    const found = find(...languages)
    known.set(key, found)
    return found
  }
}

const limited = () => new NFA.LimitedNodeFactory(MOST_STATES)

/**
 * All texts that an expression (flag `v`) matches from end to end, and perhaps some that a lookaround would exclude.
 * `undefined`: it is too large, or refers back to a group.
 */
function build({ source, ignoreCase }: Language): NFA | undefined {
  try {
    // The library does not know scoped flags; to ignore case everywhere finds more, never less.
    const plain = source.replaceAll('(?i:', '(?:')
    const { expression } = JS.Parser.fromLiteral({ source: plain, flags: ignoreCase ? 'vi' : 'v' }).parse({
      assertions: 'ignore',
      backreferences: 'throw',
      maxBackreferenceWords: 0,
      maxNodes: MOST_STATES,
    })
    return NFA.fromRegex(expression, { maxCharacter: MAX_CHARACTER }, {}, limited())
  } catch {
    return undefined
  }
}

/** A way through an automaton, from its end to its beginning. */
interface Way {
  readonly node: NFA.ReadonlyNode
  readonly set: CharSet | undefined
  readonly before: Way | undefined
}

/** Breadth first. A state is passed a few times only: there are exponentially many ways, and few of them are of interest. */
function spelled(automaton: NFA): readonly string[] {
  const words = new Set<string>()
  const passed = new Map<NFA.ReadonlyNode, number>()
  let ways: Way[] = [{ node: automaton.initial, set: undefined, before: undefined }]
  let count = 0
  while (ways.length > 0) {
    const next: Way[] = []
    for (const way of ways) {
      const times = passed.get(way.node) ?? 0
      if (times >= MOST_PASSES) continue
      passed.set(way.node, times + 1)
      if ((automaton.finals as ReadonlySet<NFA.ReadonlyNode>).has(way.node)) {
        for (const taste of TASTES) words.add(spell(way, taste))
        if (++count >= MOST_WORDS) return [...words]
      }
      for (const [node, set] of way.node.out) next.push({ node, set, before: way })
    }
    ways = next
  }
  return [...words]
}

function spell(way: Way, taste: readonly number[]): string {
  const codes: number[] = []
  for (let at: Way | undefined = way; at?.set !== undefined; at = at.before) codes.push(charOf(at.set, taste))
  return String.fromCodePoint(...codes.reverse())
}

function charOf(set: CharSet, taste: readonly number[]): number {
  const liked = taste.find(code => set.has(code))
  if (liked !== undefined) return liked
  for (const { min, max } of set.ranges) {
    for (let code = Math.max(min, 0x21); code <= Math.min(max, 0xff); code++) {
      if (!SPECIAL.has(code)) return code
    }
  }
  return set.ranges[0]?.min ?? 0
}
