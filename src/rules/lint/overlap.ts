/** Finds pairs of rules that one request matches, and that request, which is answered with 500. */
import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import type { Language, WordFinder } from '../patterns/automata.ts'
import type { ParsedPattern } from '../patterns/pattern.ts'
import { type RequestUrlOptions, requestUrlPredicate } from '../patterns/request_url.ts'
import { languageOf, partsAfterPrefix } from '../patterns/witness.ts'
import { createPrefixIndex } from './prefix_index.ts'

/** A compiled rule and the analysis of its pattern. */
export interface AnalyzedRule {
  readonly rule: CompiledRule
  readonly parsed: ParsedPattern
  /** Some URLs that a request can have and that the pattern matches. */
  readonly witnesses: readonly string[]
}

export interface Overlap {
  /** Indexes in `rules`; `earlier` is the smaller one. */
  readonly earlier: number
  readonly later: number
  readonly method: string
  /** A URL that both match. */
  readonly url: string
  /** Number of further rules before `later` that overlap with it, as far as the bounded search found them. */
  additional: number
}

export interface OverlapDependencies {
  readonly rules: readonly AnalyzedRule[]
  readonly snapshot: SearchableSnapshot
  readonly wordFinder: WordFinder
  readonly paths: RequestUrlOptions['paths']
  readonly hosts?: RequestUrlOptions['hosts']
  /** Called between rules. */
  readonly yieldToEventLoop: Yielder
}

/** The search stops here: that many overlaps usually have one common cause. */
const MAX_OVERLAPS = 100
/** Pairs to examine, and pairs whose automata to intersect. Both bound the time to load thousands of rules. */
const MAX_PAIRS = 200_000
const MAX_INTERSECTIONS = 2_000

/**
 * Finds overlaps in two passes. The first looks up the witnesses of each rule in the rule index: it finds equal patterns, a
 * literal inside an expression and a prefix inside a prefix, for any number of rules. The second intersects the automata of
 * pairs with a common origin and compatible path prefixes. Both patterns match every URL that is returned; the search is
 * bounded, so it may miss overlaps.
 */
export async function findOverlaps(dependencies: OverlapDependencies): Promise<readonly Overlap[]> {
  const collector = createOverlapCollector(dependencies)
  await collectByWitnesses(dependencies, collector)
  await collectByIntersection(dependencies, collector)
  return collector.sorted()
}

interface OverlapCollector {
  /** Adds the pair if the rules have a common method and both match this URL; returns whether they do. */
  addIfOverlapping(a: number, b: number, url: string): boolean
  has(a: number, b: number): boolean
  readonly isFull: boolean
  sorted(): readonly Overlap[]
}

function createOverlapCollector({ rules, paths, hosts }: OverlapDependencies): OverlapCollector {
  /** By the later rule, which reports the first overlap and the number of others. */
  const byLater = new Map<number, Overlap>()
  const pairs = new Set<string>()
  const isRequestUrl = {
    http: requestUrlPredicate({ paths, hosts, rpc: false }),
    rpc: requestUrlPredicate({ paths, hosts, rpc: true }),
  }
  return {
    addIfOverlapping(a, b, url) {
      const [earlier, later] = a < b ? [a, b] : [b, a]
      const one = (rules[earlier] as AnalyzedRule).rule
      const other = (rules[later] as AnalyzedRule).rule
      const method = [...one.methods].find(name => other.methods.has(name))
      if (method === undefined || !isRequestUrl[one.rpc ? 'rpc' : 'http'](url)) return false
      if (one.pattern.exec(url) === undefined || other.pattern.exec(url) === undefined) return false
      if (pairs.has(`${earlier} ${later}`)) return true
      pairs.add(`${earlier} ${later}`)
      const existing = byLater.get(later)
      if (existing === undefined) byLater.set(later, { earlier, later, method, url, additional: 0 })
      else existing.additional++
      return true
    },
    has: (a, b) => pairs.has(a < b ? `${a} ${b}` : `${b} ${a}`),
    get isFull() {
      return byLater.size >= MAX_OVERLAPS
    },
    sorted: () => [...byLater.values()].sort((a, b) => a.later - b.later),
  }
}

async function collectByWitnesses(
  { rules, snapshot, yieldToEventLoop }: OverlapDependencies,
  collector: OverlapCollector,
): Promise<void> {
  const indexes = new Map(rules.map(({ rule }, index) => [rule, index]))
  let pairs = 0
  for (const [index, { witnesses }] of rules.entries()) {
    for (const url of witnesses) {
      for (const rule of snapshot.rulesMatchingUrl(url)) {
        const other = indexes.get(rule)
        if (other === undefined || other === index || collector.has(index, other)) continue
        collector.addIfOverlapping(index, other, url)
        if (collector.isFull || ++pairs > MAX_PAIRS) return
      }
    }
    await yieldToEventLoop()
  }
}

async function collectByIntersection(
  { rules, wordFinder, yieldToEventLoop }: OverlapDependencies,
  collector: OverlapCollector,
): Promise<void> {
  const prefixIndex = createPrefixIndex(rules.map(({ rule }) => rule.pattern))
  // The first pass has tried every URL of a rule without fragments.
  const withFragments = rules.flatMap(({ parsed }, index) =>
    partsAfterPrefix(parsed).length > 0 ? [index] : [],
  )
  for (const index of withFragments) {
    prefixIndex.add(index)
    await yieldToEventLoop()
  }
  let pairs = 0
  let intersections = 0
  for (const index of withFragments) {
    const one = rules[index] as AnalyzedRule
    for (const otherIndex of prefixIndex.candidates(index)) {
      if (pairs % 256 === 255) await yieldToEventLoop()
      if (++pairs > MAX_PAIRS || intersections > MAX_INTERSECTIONS || collector.isFull) return
      const other = rules[otherIndex] as AnalyzedRule
      const isKnown = collector.has(index, otherIndex)
      if (isKnown || !haveCommonMethod(one, other) || haveIncompatibleSuffixes(one, other)) continue
      for (const [prefix, left, right] of remainingLanguages(one.parsed, other.parsed)) {
        intersections++
        const words = wordFinder.commonWords(left, right) ?? []
        if (words.some(word => collector.addIfOverlapping(index, otherIndex, prefix + word))) break
        await yieldToEventLoop()
      }
    }
    await yieldToEventLoop()
  }
}

const haveCommonMethod = (a: AnalyzedRule, b: AnalyzedRule): boolean =>
  a.rule.rpc === b.rule.rpc && [...a.rule.methods].some(name => b.rule.methods.has(name))

/** Whether both patterns end in literal text and neither text is a suffix of the other: no URL ends in both. */
function haveIncompatibleSuffixes(a: AnalyzedRule, b: AnalyzedRule): boolean {
  const [suffix, otherSuffix] = [a.parsed.parts.at(-1), b.parsed.parts.at(-1)]
  if (suffix?.kind !== 'literal' || otherSuffix?.kind !== 'literal') return false
  return !suffix.text.endsWith(otherSuffix.text) && !otherSuffix.text.endsWith(suffix.text)
}

/**
 * For each literal prefix that both patterns can start with: the prefix, and what each pattern matches after it. Thousands
 * of rules leave few distinct remainders, so the word finder answers most of them from its cache.
 */
function* remainingLanguages(
  a: ParsedPattern,
  b: ParsedPattern,
): Generator<readonly [string, Language, Language]> {
  for (const { text: left } of a.prefixes.alternatives) {
    for (const { text: right } of b.prefixes.alternatives) {
      const prefix = left.length < right.length ? left : right
      if (!left.startsWith(prefix) || !right.startsWith(prefix)) continue
      yield [
        prefix,
        languageAfterPrefix(left.slice(prefix.length), a),
        languageAfterPrefix(right.slice(prefix.length), b),
      ]
    }
  }
}

function languageAfterPrefix(remainder: string, parsed: ParsedPattern): Language {
  const tail = partsAfterPrefix(parsed)
  return languageOf(remainder === '' ? tail : [{ kind: 'literal', text: remainder }, ...tail])
}
