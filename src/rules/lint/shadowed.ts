/** rules/shadowed — rules that no request reaches where the first one decides, because one before them matches all that they match. Knows compiled rules, no file. */

import type { CompiledRule } from '../../access/rule.ts'
import type { SearchableSnapshot } from '../../access/snapshot.ts'
import type { Breathe } from '../../lib/yield_to_event_loop.ts'
import { type Asked, admitsFor } from '../patterns/request_url.ts'
import { tailOf } from '../patterns/witness.ts'
import type { Examined } from './overlap.ts'

export interface Shadowed {
  /** Places in the list that was given. */
  readonly earlier: number
  readonly later: number
}

export interface ShadowedParts {
  /** In order. */
  readonly rules: readonly Examined[]
  readonly snapshot: SearchableSnapshot
  readonly paths: Asked['paths']
  readonly hosts: Asked['hosts']
  /** Called between rules. */
  readonly breathe: Breathe
}

/**
 * Told where it is certain: of rules with equal patterns, of those that begin as a pattern that lets everything follow
 * (`https://h/<.*>`), and of those that match a few URLs, all known, each of which an earlier rule matches as well. A rule is
 * told of one that has all of its methods.
 */
export async function findShadowed(parts: ShadowedParts): Promise<readonly Shadowed[]> {
  const { rules, breathe } = parts
  const places = new Map(rules.map(({ rule }, place) => [rule, place]))
  const byText = createShelf()
  const byStart = createShelf()
  const shadowed: Shadowed[] = []
  for (const [later, one] of rules.entries()) {
    const starts = one.read.heads.texts.map(({ text }) => text)
    const earlier = [
      ...byText.of(one.rule.pattern.text),
      ...matchingAll(one, parts).flatMap(rule => places.get(rule) ?? []),
      ...byStart.ofStarts(starts[0] ?? '').filter(place => startAs(rules[place] as Examined, starts)),
    ].find(place => place < later && hasMethodsOf((rules[place] as Examined).rule, one.rule))
    if (earlier !== undefined) shadowed.push({ earlier, later })
    else {
      // Of one that is shadowed nobody needs to know: whoever it matches all of is behind the other as well.
      byText.put(one.rule.pattern.text, later)
      if (letsAllFollow(one)) for (const start of starts) byStart.put(start, later)
    }
    await breathe()
  }
  return shadowed
}

/** Places of rules by a text. */
function createShelf() {
  const shelf = new Map<string, number[]>()
  const of = (text: string): readonly number[] => shelf.get(text) ?? []
  return {
    of,
    put(text: string, place: number): void {
      const list = shelf.get(text)
      if (list === undefined) shelf.set(text, [place])
      else list.push(place)
    },
    /** By any text that this one begins with. */
    ofStarts: (text: string): readonly number[] =>
      shelf.size === 0
        ? []
        : Array.from({ length: text.length + 1 }, (_, length) => of(text.slice(0, length))).flat(),
  }
}

/** Who matches every URL of a rule, where these are known. */
function matchingAll(
  { rule, read }: Examined,
  { snapshot, paths, hosts }: ShadowedParts,
): readonly CompiledRule[] {
  if (tailOf(read).length > 0 || read.extras.length > 0) return []
  const admits = admitsFor({ paths, hosts, rpc: rule.rpc === true })
  const urls = read.heads.texts
    .map(({ text }) => text)
    .filter(text => admits(text) && rule.pattern.exec(text) !== undefined)
  const [first, ...more] = urls.map(url => snapshot.matching(url))
  return first?.filter(candidate => more.every(others => others.includes(candidate))) ?? []
}

/** `<.*>`, and the glob `<**>`. No request has a line break in its URL, which alone would not match. */
const EVERYTHING: ReadonlySet<string> = new Set(['([^\\n]*)', '[^]*'])

function letsAllFollow({ read }: Examined): boolean {
  const [last, ...more] = tailOf(read)
  if (last?.kind !== 'fragment' || more.length > 0 || !read.heads.exact) return false
  return EVERYTHING.has(last.source.join(''))
}

const startAs = ({ read }: Examined, starts: readonly string[]): boolean =>
  starts.every(start => read.heads.texts.some(({ text }) => start.startsWith(text)))

const hasMethodsOf = (earlier: CompiledRule, later: CompiledRule): boolean =>
  [...later.methods].every(name => earlier.methods.has(name))
