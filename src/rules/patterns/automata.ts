/** rules/pattern_words — texts that expressions have in common, found by intersecting automata. Knows sources of expressions, neither hosts nor rules. */
import { type CharSet, JS, NFA } from 'refa'

/** States of an automaton; a larger one is not examined. */
const MAX_STATES = 1_000
/** Words are looked at up to here, shortest first. */
const MAX_WORDS = 24
/** Ways by which a state is passed on. */
const MAX_VISITS = 4
/** Findings of each kind. */
const MAX_CACHED_RESULTS = 2_000
const MAX_CODE_POINT = 0x10ffff

/** Characters by which a class is spelled out, best first. Two rows, because one may be what a lookahead excludes. */
const PREFERRED_CHARACTERS: readonly (readonly number[])[] = ['a1A-_~', 'z9Zx'].map(row =>
  Array.from(row, char => char.charCodeAt(0)),
)
/** What means something in a URL, or ends it. */
const URL_SYNTAX_CHARACTERS: ReadonlySet<number> = new Set(Array.from('%./;\\', char => char.charCodeAt(0)))

/** An expression; `ignoreCase` where some of it is matched without regard to case. */
export interface Language {
  readonly source: string
  readonly ignoreCase: boolean
}

export interface WordFinder {
  /** Some words of a language, shortest first; none where it cannot be told. */
  wordsOf(language: Language): readonly string[]
  /** Some words of both, shortest first; empty where there is certainly none, `undefined` where it cannot be told. */
  commonWords(a: Language, b: Language): readonly string[] | undefined
}

/** Remembers what it found: one for the time of a compile. */
export function createWordFinder(): WordFinder {
  const automatonOf = memoize(buildAutomaton)
  const wordsOf = memoize((language: Language): readonly string[] => {
    const automaton = automatonOf(language)
    return automaton === undefined ? [] : enumerateWords(automaton)
  })
  const commonWords = memoize((a: Language, b: Language): readonly string[] | undefined => {
    const [one, other] = [automatonOf(a), automatonOf(b)]
    if (one === undefined || other === undefined) return undefined
    try {
      const intersection = NFA.fromIntersection(one, other, createNodeFactory())
      return intersection.isEmpty ? [] : enumerateWords(intersection)
    } catch {
      return undefined
    }
  })
  return { wordsOf, commonWords }
}

function memoize<T>(find: (...languages: Language[]) => T): (...languages: Language[]) => T {
  const cache = new Map<string, T>()
  return (...languages) => {
    const key = languages.map(one => `${one.ignoreCase ? 'i' : 's'}${one.source}`).join('\0')
    if (cache.has(key)) return cache.get(key) as T
    if (cache.size >= MAX_CACHED_RESULTS) cache.clear()
    const found = find(...languages)
    cache.set(key, found)
    return found
  }
}

const createNodeFactory = () => new NFA.LimitedNodeFactory(MAX_STATES)

/**
 * All texts that an expression (flag `v`) matches from end to end, and perhaps some that a lookaround would exclude.
 * `undefined`: it is too large, or refers back to a group.
 */
function buildAutomaton({ source, ignoreCase }: Language): NFA | undefined {
  try {
    // The library does not know scoped flags; to ignore case everywhere finds more, never less.
    const plain = source.replaceAll('(?i:', '(?:')
    const { expression } = JS.Parser.fromLiteral({ source: plain, flags: ignoreCase ? 'vi' : 'v' }).parse({
      assertions: 'ignore',
      backreferences: 'throw',
      maxBackreferenceWords: 0,
      maxNodes: MAX_STATES,
    })
    return NFA.fromRegex(expression, { maxCharacter: MAX_CODE_POINT }, {}, createNodeFactory())
  } catch {
    return undefined
  }
}

/** A way through an automaton, from its end to its beginning. */
interface PathNode {
  readonly node: NFA.ReadonlyNode
  readonly set: CharSet | undefined
  readonly previous: PathNode | undefined
}

/** Breadth first. A state is passed a few times only: there are exponentially many ways, and few of them are of interest. */
function enumerateWords(automaton: NFA): readonly string[] {
  const words = new Set<string>()
  const visits = new Map<NFA.ReadonlyNode, number>()
  let paths: PathNode[] = [{ node: automaton.initial, set: undefined, previous: undefined }]
  let count = 0
  while (paths.length > 0) {
    const next: PathNode[] = []
    for (const path of paths) {
      const times = visits.get(path.node) ?? 0
      if (times >= MAX_VISITS) continue
      visits.set(path.node, times + 1)
      if ((automaton.finals as ReadonlySet<NFA.ReadonlyNode>).has(path.node)) {
        for (const preferred of PREFERRED_CHARACTERS) words.add(wordAlong(path, preferred))
        if (++count >= MAX_WORDS) return [...words]
      }
      for (const [node, set] of path.node.out) next.push({ node, set, previous: path })
    }
    paths = next
  }
  return [...words]
}

function wordAlong(path: PathNode, preferred: readonly number[]): string {
  const codes: number[] = []
  for (let at: PathNode | undefined = path; at?.set !== undefined; at = at.previous)
    codes.push(pickCharacter(at.set, preferred))
  return String.fromCodePoint(...codes.reverse())
}

function pickCharacter(set: CharSet, preferred: readonly number[]): number {
  const match = preferred.find(code => set.has(code))
  if (match !== undefined) return match
  for (const { min, max } of set.ranges) {
    for (let code = Math.max(min, 0x21); code <= Math.min(max, 0xff); code++) {
      if (!URL_SYNTAX_CHARACTERS.has(code)) return code
    }
  }
  return set.ranges[0]?.min ?? 0
}
