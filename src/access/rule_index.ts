/** access/rule_index — finds the few rules that can match a URL without looking at the others. Knows texts and rules, no request. */
import type { CompiledRule, Pattern } from './snapshot.ts'

/** Radix tree of literal texts; a node's rules want everything on the way to it. */
interface TextNode {
  label: string
  readonly rules: CompiledRule[]
  /** By first code unit of the child's label. */
  readonly children: Map<number, TextNode>
  /** The last search that came by: a text that occurs twice is tried once. */
  seen: number
}

const node = (label: string): TextNode => ({ label, rules: [], children: new Map(), seen: 0 })

function insert(root: TextNode, text: string, rule: CompiledRule): void {
  let at = root
  let from = 0
  while (from < text.length) {
    const first = text.charCodeAt(from)
    const child = at.children.get(first)
    if (child === undefined) {
      const leaf = node(text.slice(from))
      at.children.set(first, leaf)
      at = leaf
      break
    }
    let common = 1
    while (
      common < child.label.length &&
      from + common < text.length &&
      child.label.charCodeAt(common) === text.charCodeAt(from + common)
    ) {
      common++
    }
    if (common < child.label.length) {
      const fork = node(child.label.slice(0, common))
      child.label = child.label.slice(common)
      fork.children.set(child.label.charCodeAt(0), child)
      at.children.set(first, fork)
      at = fork
    } else {
      at = child
    }
    from += common
  }
  at.rules.push(rule)
}

/**
 * Texts one of which every matching URL starts with; `undefined` where there is no finite set of them. None is the start
 * of another, so a URL meets the rule once.
 */
function startsOf(pattern: Pattern): readonly string[] | undefined {
  const starts = pattern.starts ?? pattern.origins?.map(origin => origin + pattern.pathPrefix)
  if (starts === undefined) return undefined
  const kept: string[] = []
  for (const text of starts.toSorted()) {
    const last = kept.at(-1)
    if (last === undefined || !text.startsWith(last)) kept.push(text)
  }
  return kept
}

export interface RuleIndex {
  /** Fills `out` from 0 with rules that may match `url`, each once, and returns how many. `pathAt`: where the path begins. */
  candidates(url: string, pathAt: number, out: CompiledRule[]): number
}

/**
 * Every rule stands in exactly one of four places, by the longest literal that a matching URL must have: at its start, at
 * the start of its path, at any slash (what follows a fragment that may swallow slashes), or nowhere in particular.
 */
export function createRuleIndex(rules: readonly CompiledRule[]): RuleIndex {
  const byStart = node('')
  const byPath = node('')
  const bySlash = node('')
  const anywhere: CompiledRule[] = []
  for (const rule of rules) {
    const { pattern } = rule
    const starts = startsOf(pattern)
    const inside = pattern.contains ?? ''
    if (starts !== undefined && inside.length <= pattern.pathPrefix.length) {
      for (const text of starts) insert(byStart, text, rule)
    } else if (inside !== '' && inside.length > pattern.pathPrefix.length) {
      insert(bySlash, inside, rule)
    } else if (pattern.pathPrefix !== '') {
      insert(byPath, pattern.pathPrefix, rule)
    } else {
      anywhere.push(rule)
    }
  }
  const slashes = bySlash.children.size > 0
  let search = 0
  let count = 0

  function walk(root: TextNode, url: string, from: number, out: CompiledRule[]): void {
    let at = root
    let here = from
    for (;;) {
      if (at.seen !== search) {
        at.seen = search
        for (let i = 0; i < at.rules.length; i++) {
          out[count++] = at.rules[i] as CompiledRule
        }
      }
      if (here >= url.length) return
      const child = at.children.get(url.charCodeAt(here))
      if (child === undefined || !url.startsWith(child.label, here)) return
      here += child.label.length
      at = child
    }
  }

  return {
    candidates(url, pathAt, out) {
      search++
      count = 0
      walk(byStart, url, 0, out)
      walk(byPath, url, pathAt, out)
      if (slashes) {
        for (let at = url.indexOf('/'); at >= 0; at = url.indexOf('/', at + 1)) {
          walk(bySlash, url, at, out)
        }
      }
      for (let i = 0; i < anywhere.length; i++) out[count++] = anywhere[i] as CompiledRule
      return count
    },
  }
}
