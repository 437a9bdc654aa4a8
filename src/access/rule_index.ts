/** access/rule_index — finds the few rules that can match a URL without looking at the others. Knows texts and rules, no request. */
import type { CompiledRule, Entry } from './rule.ts'

/** Radix tree of literal texts; a node's entries want everything on the way to it. */
interface TextNode {
  label: string
  readonly entries: Entry[]
  /** By first code unit of the child's label. */
  readonly children: (TextNode | undefined)[]
  /** The last search that came by: a text that occurs twice is tried once. */
  seen: number
}

const node = (label: string): TextNode => ({ label: flat(label), entries: [], children: [], seen: 0 })

/** A slice refers to the text that it was cut from; reading labels is most of the search, so each has its own. */
const flat = (text: string): string => Array.from({ length: text.length }, (_, i) => text[i]).join('')

function insert(root: TextNode, text: string, entry: Entry): void {
  let at = root
  let from = 0
  while (from < text.length) {
    const first = text.charCodeAt(from)
    const child = at.children[first]
    if (child === undefined) {
      const leaf = node(text.slice(from))
      at.children[first] = leaf
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
      child.label = flat(child.label.slice(common))
      fork.children[child.label.charCodeAt(0)] = child
      at.children[first] = fork
      at = fork
    } else {
      at = child
    }
    from += common
  }
  at.entries.push(entry)
}

export interface RuleIndex {
  /** One rule at a time: thousands are added with pauses. */
  add(rule: CompiledRule, place: number): void
  /** Fills `out` from 0 with rules that may match `url`, each once, and returns how many. `pathAt`: where the path begins. */
  candidates(url: string, pathAt: number, out: Entry[]): number
}

/**
 * Every rule stands in exactly one of four places, by the longest literal that a matching URL must have: at its start, at
 * the start of its path, at any slash (what follows a fragment that may swallow slashes), or nowhere in particular.
 */
export function createRuleIndex(): RuleIndex {
  const byStart = node('')
  const byPath = node('')
  const bySlash = node('')
  const anywhere: Entry[] = []
  const methodSets = new Map<string, ReadonlySet<string>>()
  function add(rule: CompiledRule, place: number): void {
    const { pattern } = rule
    const key = [...rule.methods].sort().join(' ')
    const methods = methodSets.get(key) ?? rule.methods
    methodSets.set(key, methods)
    const entry: Entry = { rule, methods, pattern, start: -1, place }
    const starts = pattern.starts ?? pattern.origins?.map(origin => origin + pattern.pathPrefix)
    const inside = pattern.contains ?? ''
    if (starts !== undefined && inside.length <= pattern.pathPrefix.length) {
      insertStarts(byStart, starts, entry)
    } else if (inside.length > pattern.pathPrefix.length) {
      insert(bySlash, inside, entry)
    } else if (pattern.pathPrefix !== '') {
      insert(byPath, pattern.pathPrefix, entry)
    } else {
      anywhere.push(entry)
    }
  }
  let search = 0
  let count = 0

  function walk(root: TextNode, url: string, from: number, out: Entry[]): void {
    let at = root
    let here = from
    for (;;) {
      if (at.seen !== search) {
        at.seen = search
        for (let i = 0; i < at.entries.length; i++) out[count++] = at.entries[i] as Entry
      }
      if (here >= url.length) return
      const child = at.children[url.charCodeAt(here)]
      if (child === undefined || !url.startsWith(child.label, here)) return
      here += child.label.length
      at = child
    }
  }

  return {
    add,
    candidates(url, pathAt, out) {
      search++
      count = 0
      walk(byStart, url, 0, out)
      if (byPath.children.length > 0) walk(byPath, url, pathAt, out)
      if (bySlash.children.length > 0) {
        for (let at = url.indexOf('/'); at >= 0; at = url.indexOf('/', at + 1)) walk(bySlash, url, at, out)
      }
      for (let i = 0; i < anywhere.length; i++) out[count++] = anywhere[i] as Entry
      return count
    },
  }
}

/** Where one start begins with another, the shorter one serves for both, so that a URL meets the rule once. */
function insertStarts(root: TextNode, starts: readonly string[], entry: Entry): void {
  const kept = starts.filter((text, i) =>
    starts.every((other, j) => i === j || !text.startsWith(other) || (text === other && i < j)),
  )
  const told = kept.length === starts.length
  for (const text of kept) insert(root, text, told ? { ...entry, start: starts.indexOf(text) } : entry)
}
