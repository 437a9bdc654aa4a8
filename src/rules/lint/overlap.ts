/** rules/overlap — pairs of rules that some request matches both of, and so would answer 500, each with such a request. Knows compiled rules, no file. */

import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import type { Language, WordFinder } from '../patterns/automata.ts'
import type { ParsedPattern } from '../patterns/pattern.ts'
import { type RequestUrlOptions, requestUrlPredicate } from '../patterns/request_url.ts'
import { languageOf, partsAfterPrefix } from '../patterns/witness.ts'

/** A rule with what was found out about its pattern. */
export interface AnalyzedRule {
  readonly rule: CompiledRule
  readonly parsed: ParsedPattern
  /** Some URLs of requests that it matches. */
  readonly witnesses: readonly string[]
}

export interface Overlap {
  /** Places in the list that was given; `earlier` is the smaller one. */
  readonly earlier: number
  readonly later: number
  readonly method: string
  /** A URL that both match. */
  readonly url: string
  /** Further rules before `later` with which it overlaps, as far as they were looked for. */
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

/** More are not looked for: who has that many has one mistake. */
const MAX_OVERLAPS = 100
/** Pairs that are looked at, and those whose automata are intersected: what bounds a load of thousands of rules (measured: docs/performance.md). */
const MAX_PAIRS = 200_000
const MAX_INTERSECTIONS = 2_000

/**
 * First the index is asked who else matches the URLs that each rule is known to match: that finds equal patterns, a literal
 * inside of an expression, a prefix inside of a prefix, however many rules there are. Then automata are intersected, of
 * pairs that share an origin and whose paths can begin alike. What is found is proved by both patterns; not all is found.
 */
export async function findOverlaps(dependencies: OverlapDependencies): Promise<readonly Overlap[]> {
  const collector = createOverlapCollector(dependencies)
  await collectByWitnesses(dependencies, collector)
  await collectByIntersection(dependencies, collector)
  return collector.sorted()
}

interface OverlapCollector {
  /** Whether both take a request with a common method at this URL, which is then noted. */
  addIfOverlapping(a: number, b: number, url: string): boolean
  has(a: number, b: number): boolean
  readonly isFull: boolean
  sorted(): readonly Overlap[]
}

function createOverlapCollector({ rules, paths, hosts }: OverlapDependencies): OverlapCollector {
  /** By the later rule: a rule is told of its first one only. */
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
  for (const [place, { witnesses }] of rules.entries()) {
    for (const url of witnesses) {
      for (const rule of snapshot.rulesMatchingUrl(url)) {
        const other = indexes.get(rule)
        if (other === undefined || other === place || collector.has(place, other)) continue
        collector.addIfOverlapping(place, other, url)
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
  const { insert, alike: candidates } = createPrefixIndex(rules)
  // A rule without fragments matches no other URL than those that were asked for already.
  const withFragments = rules.flatMap((one, index) =>
    partsAfterPrefix(one.parsed).length > 0 ? [index] : [],
  )
  for (const place of withFragments) {
    insert(place)
    await yieldToEventLoop()
  }
  let pairs = 0
  let intersections = 0
  for (const place of withFragments) {
    const one = rules[place] as AnalyzedRule
    for (const otherIndex of candidates(place)) {
      if (pairs % 256 === 255) await yieldToEventLoop()
      if (++pairs > MAX_PAIRS || intersections > MAX_INTERSECTIONS || collector.isFull) return
      const other = rules[otherIndex] as AnalyzedRule
      if (
        collector.has(place, otherIndex) ||
        !haveCommonMethod(one, other) ||
        haveIncompatibleSuffixes(one, other)
      )
        continue
      for (const [prefix, left, right] of remainingLanguages(one.parsed, other.parsed)) {
        intersections++
        if (
          wordFinder
            .commonWords(left, right)
            ?.some(word => collector.addIfOverlapping(place, otherIndex, prefix + word))
        )
          break
        await yieldToEventLoop()
      }
    }
    await yieldToEventLoop()
  }
}

/** Rules with one path prefix. */
interface PrefixGroup {
  readonly all: number[]
  readonly byOrigin: Map<string, number[]>
  /** Of those that may have any origin. */
  readonly anyOrigin: number[]
}

/** Finds the rules whose path prefix a rule's own begins with, and whose origins may be the same. */
function createPrefixIndex(rules: readonly AnalyzedRule[]) {
  const groups = new Map<string, PrefixGroup>()
  const patternOf = (index: number) => (rules[index] as AnalyzedRule).rule.pattern

  function* withCompatibleOrigin(
    group: PrefixGroup,
    origins: readonly string[] | undefined,
  ): Generator<number> {
    if (origins === undefined) return yield* group.all
    for (const [i, origin] of origins.entries()) {
      const earlierOrigins = origins.slice(0, i)
      for (const place of group.byOrigin.get(origin) ?? []) {
        if (!patternOf(place).origins?.some(one => earlierOrigins.includes(one))) yield place
      }
    }
    yield* group.anyOrigin
  }

  return {
    insert(place: number): void {
      const { pathPrefix, origins } = patternOf(place)
      const group: PrefixGroup = groups.get(pathPrefix) ?? { all: [], byOrigin: new Map(), anyOrigin: [] }
      groups.set(pathPrefix, group)
      group.all.push(place)
      if (origins === undefined) group.anyOrigin.push(place)
      for (const origin of origins ?? []) {
        const list = group.byOrigin.get(origin)
        if (list === undefined) group.byOrigin.set(origin, [place])
        else list.push(place)
      }
    },
    /** Each pair once: of two with the same prefix, the later one is told of the earlier. */
    *alike(place: number): Generator<number> {
      const { pathPrefix, origins } = patternOf(place)
      for (let length = 0; length <= pathPrefix.length; length++) {
        const group = groups.get(pathPrefix.slice(0, length))
        if (group === undefined) continue
        for (const other of withCompatibleOrigin(group, origins)) {
          if (length < pathPrefix.length || other < place) yield other
        }
      }
    },
  }
}

const haveCommonMethod = (a: AnalyzedRule, b: AnalyzedRule): boolean =>
  a.rule.rpc === b.rule.rpc && [...a.rule.methods].some(name => b.rule.methods.has(name))

/** Literal ends of which neither is the end of the other. */
function haveIncompatibleSuffixes(a: AnalyzedRule, b: AnalyzedRule): boolean {
  const [suffix, otherSuffix] = [a.parsed.parts.at(-1), b.parsed.parts.at(-1)]
  if (suffix?.kind !== 'literal' || otherSuffix?.kind !== 'literal') return false
  return !suffix.text.endsWith(otherSuffix.text) && !otherSuffix.text.endsWith(suffix.text)
}

/** What is left of both behind a start that they share. Few distinct expressions are left that way, and what they share is remembered. */
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
