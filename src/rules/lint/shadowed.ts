/** Finds rules that no request reaches when the first match decides, because an earlier rule matches every request of theirs. */
import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Yielder } from '../../lib/yield_to_event_loop.ts'
import { type RequestUrlOptions, requestUrlPredicate } from '../patterns/request_url.ts'
import { partsAfterPrefix } from '../patterns/witness.ts'
import type { AnalyzedRule } from './overlap.ts'

export interface ShadowedRule {
  /** Indexes in `rules`. */
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
 * Returns only rules that are certainly shadowed by one earlier rule with all of their methods. Their pattern is equal to
 * the earlier one, or starts with the prefix of an earlier pattern that accepts any suffix (`https://h/<.*>`), or matches a
 * few known URLs, all of which the earlier rule matches.
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
      ...byText.get(one.rule.pattern.text),
      ...rulesMatchingAllOf(one, dependencies).flatMap(rule => indexes.get(rule) ?? []),
      ...byPrefix
        .getByPrefixesOf(prefixes[0] ?? '')
        .filter(index => allStartWithPrefixOf(rules[index] as AnalyzedRule, prefixes)),
    ].find(index => index < later && coversMethodsOf((rules[index] as AnalyzedRule).rule, one.rule))
    if (earlier !== undefined) shadowed.push({ earlier, later })
    else {
      // A shadowed rule need not be indexed: what it shadows, the rule before it shadows as well.
      byText.add(one.rule.pattern.text, later)
      if (endsWithMatchAll(one)) for (const prefix of prefixes) byPrefix.add(prefix, later)
    }
    await yieldToEventLoop()
  }
  return shadowed
}

/** Indexes of rules by a text. */
function createTextIndex() {
  const indexesByText = new Map<string, number[]>()
  const get = (text: string): readonly number[] => indexesByText.get(text) ?? []
  return {
    get,
    add(text: string, index: number): void {
      const existing = indexesByText.get(text)
      if (existing === undefined) indexesByText.set(text, [index])
      else existing.push(index)
    },
    getByPrefixesOf: (text: string): readonly number[] =>
      indexesByText.size === 0
        ? []
        : Array.from({ length: text.length + 1 }, (_, length) => get(text.slice(0, length))).flat(),
  }
}

/** The rules that match every URL of a rule; none when the rule matches more than a few literal URLs. */
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

/** Sources of `<.*>` and of the glob `<**>`. `.*` excludes only the line feed, which no URL of a request contains. */
const MATCH_ALL_SOURCES: ReadonlySet<string> = new Set(['([^\\n]*)', '[^]*'])

function endsWithMatchAll({ parsed }: AnalyzedRule): boolean {
  const [last, ...more] = partsAfterPrefix(parsed)
  if (last?.kind !== 'fragment' || more.length > 0 || !parsed.prefixes.exact) return false
  return MATCH_ALL_SOURCES.has(last.source.join(''))
}

const allStartWithPrefixOf = ({ parsed }: AnalyzedRule, prefixes: readonly string[]): boolean =>
  prefixes.every(prefix => parsed.prefixes.alternatives.some(({ text }) => prefix.startsWith(text)))

const coversMethodsOf = (earlier: CompiledRule, later: CompiledRule): boolean =>
  [...later.methods].every(name => earlier.methods.has(name))
