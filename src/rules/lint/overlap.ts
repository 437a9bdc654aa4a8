/** rules/overlap — pairs of rules that some request matches both of, and so would answer 500, each with such a request. Knows compiled rules, no file. */

import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Breathe } from '../../lib/yield_to_event_loop.ts'
import type { Language, Words } from '../patterns/automata.ts'
import type { ReadPattern } from '../patterns/pattern.ts'
import { type Asked, admitsFor } from '../patterns/request_url.ts'
import { languageOf, tailOf } from '../patterns/witness.ts'

/** A rule with what was found out about its pattern. */
export interface Examined {
  readonly rule: CompiledRule
  readonly read: ReadPattern
  /** Some URLs of requests that it matches. */
  readonly urls: readonly string[]
}

export interface Overlap {
  /** Places in the list that was given; `earlier` is the smaller one. */
  readonly earlier: number
  readonly later: number
  readonly method: string
  /** A URL that both match. */
  readonly url: string
  /** Further rules before `later` with which it overlaps, as far as they were looked for. */
  more: number
}

export interface OverlapParts {
  readonly rules: readonly Examined[]
  readonly snapshot: SearchableSnapshot
  readonly words: Words
  readonly paths: Asked['paths']
  readonly hosts?: Asked['hosts']
  /** Called between rules. */
  readonly breathe: Breathe
}

/** More are not looked for: who has that many has one mistake. */
const MOST_OVERLAPS = 100
/** Pairs that are looked at, and those whose automata are intersected: what bounds a load of thousands of rules (measured: docs/performance.md). */
const MOST_PAIRS = 200_000
const MOST_INTERSECTIONS = 2_000

/**
 * First the index is asked who else matches the URLs that each rule is known to match: that finds equal patterns, a literal
 * inside of an expression, a prefix inside of a prefix, however many rules there are. Then automata are intersected, of
 * pairs that share an origin and whose paths can begin alike. What is found is proved by both patterns; not all is found.
 */
export async function findOverlaps(parts: OverlapParts): Promise<readonly Overlap[]> {
  const found = collect(parts)
  await byUrls(parts, found)
  await byAutomata(parts, found)
  return found.overlaps()
}

interface Found {
  /** Whether both take a request with a common method at this URL, which is then noted. */
  note(a: number, b: number, url: string): boolean
  known(a: number, b: number): boolean
  readonly full: boolean
  overlaps(): readonly Overlap[]
}

function collect({ rules, paths, hosts }: OverlapParts): Found {
  /** By the later rule: a rule is told of its first one only. */
  const byLater = new Map<number, Overlap>()
  const pairs = new Set<string>()
  const admits = {
    http: admitsFor({ paths, hosts, rpc: false }),
    rpc: admitsFor({ paths, hosts, rpc: true }),
  }
  return {
    note(a, b, url) {
      const [earlier, later] = a < b ? [a, b] : [b, a]
      const one = (rules[earlier] as Examined).rule
      const other = (rules[later] as Examined).rule
      const method = [...one.methods].find(name => other.methods.has(name))
      if (method === undefined || !admits[one.rpc ? 'rpc' : 'http'](url)) return false
      if (one.pattern.exec(url) === undefined || other.pattern.exec(url) === undefined) return false
      if (pairs.has(`${earlier} ${later}`)) return true
      pairs.add(`${earlier} ${later}`)
      const before = byLater.get(later)
      if (before === undefined) byLater.set(later, { earlier, later, method, url, more: 0 })
      else before.more++
      return true
    },
    known: (a, b) => pairs.has(a < b ? `${a} ${b}` : `${b} ${a}`),
    get full() {
      return byLater.size >= MOST_OVERLAPS
    },
    overlaps: () => [...byLater.values()].sort((a, b) => a.later - b.later),
  }
}

async function byUrls({ rules, snapshot, breathe }: OverlapParts, found: Found): Promise<void> {
  const places = new Map(rules.map(({ rule }, place) => [rule, place]))
  let pairs = 0
  for (const [place, { urls }] of rules.entries()) {
    for (const url of urls) {
      for (const rule of snapshot.matching(url)) {
        const other = places.get(rule)
        if (other === undefined || other === place || found.known(place, other)) continue
        found.note(place, other, url)
        if (found.full || ++pairs > MOST_PAIRS) return
      }
    }
    await breathe()
  }
}

async function byAutomata({ rules, words, breathe }: OverlapParts, found: Found): Promise<void> {
  const { insert, alike } = createPrefixes(rules)
  // A rule without fragments matches no other URL than those that were asked for already.
  const open = rules.flatMap((one, place) => (tailOf(one.read).length > 0 ? [place] : []))
  for (const place of open) {
    insert(place)
    await breathe()
  }
  let pairs = 0
  let intersections = 0
  for (const place of open) {
    const one = rules[place] as Examined
    for (const place2 of alike(place)) {
      if (pairs % 256 === 255) await breathe()
      if (++pairs > MOST_PAIRS || intersections > MOST_INTERSECTIONS || found.full) return
      const other = rules[place2] as Examined
      if (found.known(place, place2) || !shareMethod(one, other) || endDifferently(one, other)) continue
      for (const [start, left, right] of remainders(one.read, other.read)) {
        intersections++
        if (words.common(left, right)?.some(word => found.note(place, place2, start + word))) break
        await breathe()
      }
    }
    await breathe()
  }
}

/** Rules with one path prefix. */
interface Group {
  readonly all: number[]
  readonly byOrigin: Map<string, number[]>
  /** Of those that may have any origin. */
  readonly anywhere: number[]
}

/** Finds the rules whose path prefix a rule's own begins with, and whose origins may be the same. */
function createPrefixes(rules: readonly Examined[]) {
  const groups = new Map<string, Group>()
  const patternOf = (place: number) => (rules[place] as Examined).rule.pattern

  function* inGroup(group: Group, origins: readonly string[] | undefined): Generator<number> {
    if (origins === undefined) return yield* group.all
    for (const [n, origin] of origins.entries()) {
      const before = origins.slice(0, n)
      for (const place of group.byOrigin.get(origin) ?? []) {
        if (!patternOf(place).origins?.some(one => before.includes(one))) yield place
      }
    }
    yield* group.anywhere
  }

  return {
    insert(place: number): void {
      const { pathPrefix, origins } = patternOf(place)
      const group: Group = groups.get(pathPrefix) ?? { all: [], byOrigin: new Map(), anywhere: [] }
      groups.set(pathPrefix, group)
      group.all.push(place)
      if (origins === undefined) group.anywhere.push(place)
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
        for (const other of inGroup(group, origins)) {
          if (length < pathPrefix.length || other < place) yield other
        }
      }
    },
  }
}

const shareMethod = (a: Examined, b: Examined): boolean =>
  a.rule.rpc === b.rule.rpc && [...a.rule.methods].some(name => b.rule.methods.has(name))

/** Literal ends of which neither is the end of the other. */
function endDifferently(a: Examined, b: Examined): boolean {
  const [end, other] = [a.read.parts.at(-1), b.read.parts.at(-1)]
  if (end?.kind !== 'literal' || other?.kind !== 'literal') return false
  return !end.text.endsWith(other.text) && !other.text.endsWith(end.text)
}

/** What is left of both behind a start that they share. Few distinct expressions are left that way, and what they share is remembered. */
function* remainders(a: ReadPattern, b: ReadPattern): Generator<readonly [string, Language, Language]> {
  for (const { text: left } of a.heads.texts) {
    for (const { text: right } of b.heads.texts) {
      const start = left.length < right.length ? left : right
      if (!left.startsWith(start) || !right.startsWith(start)) continue
      yield [start, after(left.slice(start.length), a), after(right.slice(start.length), b)]
    }
  }
}

function after(text: string, read: ReadPattern): Language {
  const tail = tailOf(read)
  return languageOf(text === '' ? tail : [{ kind: 'literal', text }, ...tail])
}
