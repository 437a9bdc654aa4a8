/** rules/shadowed — rules that no request reaches where the first one decides, because one before them matches all that they match. Knows compiled rules, no file. */

import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import { type RequestUrlOptions, requestUrlPredicate } from '../patterns/request_url.ts'
import { partsAfterPrefix } from '../patterns/witness.ts'
import type { AnalyzedRule } from './overlap.ts'

export interface ShadowedRule {
  /** Places in the list that was given. */
  readonly earlier: number
  readonly later: number
}

export interface ShadowedDependencies {
  /** In order. */
  readonly rules: readonly AnalyzedRule[]
  readonly snapshot: SearchableSnapshot
  readonly paths: RequestUrlOptions['paths']
  readonly hosts: RequestUrlOptions['hosts']
  /** Called between rules. */
  readonly yieldToEventLoop: Yielder
}

/**
 * Told where it is certain: of rules with equal patterns, of those that begin as a pattern that lets everything follow
 * (`https://h/<.*>`), and of those that match a few URLs, all known, each of which an earlier rule matches as well. A rule is
 * told of one that has all of its methods.
 */
export async function findShadowedRules(
  dependencies: ShadowedDependencies,
): Promise<readonly ShadowedRule[]> {
  const { rules, yieldToEventLoop } = dependencies
  const indexes = new Map(rules.map(({ rule }, index) => [rule, index]))
  const byText = createTextIndex()
  const byPrefix = createTextIndex()
  const shadowed: ShadowedRule[] = []
  for (const [later, one] of rules.entries()) {
    const prefixes = one.parsed.prefixes.alternatives.map(({ text }) => text)
    const earlier = [
      ...byText.of(one.rule.pattern.text),
      ...rulesMatchingAllOf(one, dependencies).flatMap(rule => indexes.get(rule) ?? []),
      ...byPrefix
        .ofStarts(prefixes[0] ?? '')
        .filter(place => allStartWithPrefixOf(rules[place] as AnalyzedRule, prefixes)),
    ].find(place => place < later && coversMethodsOf((rules[place] as AnalyzedRule).rule, one.rule))
    if (earlier !== undefined) shadowed.push({ earlier, later })
    else {
      // Of one that is shadowed nobody needs to know: whoever it matches all of is behind the other as well.
      byText.put(one.rule.pattern.text, later)
      if (endsWithMatchAll(one)) for (const prefix of prefixes) byPrefix.put(prefix, later)
    }
    await yieldToEventLoop()
  }
  return shadowed
}

/** Places of rules by a text. */
function createTextIndex() {
  const indexesByText = new Map<string, number[]>()
  const of = (text: string): readonly number[] => indexesByText.get(text) ?? []
  return {
    of,
    put(text: string, place: number): void {
      const existing = indexesByText.get(text)
      if (existing === undefined) indexesByText.set(text, [place])
      else existing.push(place)
    },
    /** By any text that this one begins with. */
    ofStarts: (text: string): readonly number[] =>
      indexesByText.size === 0
        ? []
        : Array.from({ length: text.length + 1 }, (_, length) => of(text.slice(0, length))).flat(),
  }
}

/** Who matches every URL of a rule, where these are known. */
function rulesMatchingAllOf(
  { rule, parsed }: AnalyzedRule,
  { snapshot, paths, hosts }: ShadowedDependencies,
): readonly CompiledRule[] {
  if (partsAfterPrefix(parsed).length > 0 || parsed.extraUrls.length > 0) return []
  const isRequestUrl = requestUrlPredicate({ paths, hosts, rpc: rule.rpc === true })
  const urls = parsed.prefixes.alternatives
    .map(({ text }) => text)
    .filter(text => isRequestUrl(text) && rule.pattern.exec(text) !== undefined)
  const [first, ...more] = urls.map(url => snapshot.rulesMatchingUrl(url))
  return first?.filter(candidate => more.every(others => others.includes(candidate))) ?? []
}

/** `<.*>`, and the glob `<**>`. No request has a line break in its URL, which alone would not match. */
const MATCH_ALL_SOURCES: ReadonlySet<string> = new Set(['([^\\n]*)', '[^]*'])

function endsWithMatchAll({ parsed }: AnalyzedRule): boolean {
  const [last, ...more] = partsAfterPrefix(parsed)
  if (last?.kind !== 'fragment' || more.length > 0 || !parsed.prefixes.exact) return false
  return MATCH_ALL_SOURCES.has(last.source.join(''))
}

const allStartWithPrefixOf = ({ parsed: read }: AnalyzedRule, prefixes: readonly string[]): boolean =>
  prefixes.every(start => read.prefixes.alternatives.some(({ text }) => start.startsWith(text)))

const coversMethodsOf = (earlier: CompiledRule, later: CompiledRule): boolean =>
  [...later.methods].every(name => earlier.methods.has(name))
