/** Finds words of regular languages, and words that two languages have in common, by intersecting automata. */
import { type CharSet, JS, NFA } from 'refa'

/** An expression that needs a larger automaton is not examined. */
const MAX_STATES = 1_000
/** Paths to enumerate in one automaton, shortest first. */
const MAX_WORDS = 24
/** Times that one state is visited. An automaton with loops has exponentially many paths, and few differ in a useful way. */
const MAX_VISITS = 4
/** Entries of each cache. */
const MAX_CACHED_RESULTS = 2_000
const MAX_CODE_POINT = 0x10ffff

/** Characters to pick from a class, in order of preference. There are two rows because a lookahead may exclude one. */
const PREFERRED_CHARACTERS: readonly (readonly number[])[] = ['a1A-_~', 'z9Zx'].map(row =>
  Array.from(row, char => char.charCodeAt(0)),
)
/** Characters with a meaning in URLs; normalization may change or reject a URL that contains them. */
const URL_SYNTAX_CHARACTERS: ReadonlySet<number> = new Set(Array.from('%./;\\', char => char.charCodeAt(0)))

/** The language of an expression. `ignoreCase`: some part of it is case-insensitive. */
export interface Language {
  readonly source: string
  readonly ignoreCase: boolean
}

export interface WordFinder {
  /** Some words of a language, the shortest first; empty if its automaton is too large. */
  wordsOf(language: Language): readonly string[]
  /** Some common words, the shortest first. Empty: there is certainly none. `undefined`: an automaton is too large. */
  commonWords(a: Language, b: Language): readonly string[] | undefined
}

/** Creates a word finder that caches automata and results. Create one for each compile, so that the caches are released. */
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
 * An automaton of all texts that an expression (flag `v`) matches. Lookarounds are ignored, so it may accept texts that they
 * exclude. `undefined`: it is too large, or the expression has a backreference.
 */
function buildAutomaton({ source, ignoreCase }: Language): NFA | undefined {
  try {
    // refa does not support scoped flags. Ignoring case everywhere accepts more texts, never fewer.
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

/** A path through an automaton, linked from its end to its start. */
interface PathNode {
  readonly node: NFA.ReadonlyNode
  readonly set: CharSet | undefined
  readonly previous: PathNode | undefined
}

/** Enumerates words in breadth-first order. */
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
