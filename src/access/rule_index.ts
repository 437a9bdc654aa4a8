/** access/rule_index — finds the few rules that can match a URL without looking at the others. Knows texts and rules, no request. */
import type { CompiledRule, IndexEntry } from './rule.ts'

/** Radix tree of literal texts; a node's entries want everything on the way to it. */
interface RadixNode {
  label: string
  readonly entries: IndexEntry[]
  /** By first code unit of the child's label. */
  readonly children: (RadixNode | undefined)[]
  /** The last search that came by: a text that occurs twice is tried once. */
  lastSearch: number
}

const createNode = (label: string): RadixNode => ({
  label: flatten(label),
  entries: [],
  children: [],
  lastSearch: 0,
})

/** A slice refers to the text that it was cut from; reading labels is most of the search, so each has its own. */
const flatten = (text: string): string => Array.from({ length: text.length }, (_, i) => text[i]).join('')

function insertText(root: RadixNode, text: string, entry: IndexEntry): void {
  let current = root
  let offset = 0
  while (offset < text.length) {
    const firstUnit = text.charCodeAt(offset)
    const child = current.children[firstUnit]
    if (child === undefined) {
      const leaf = createNode(text.slice(offset))
      current.children[firstUnit] = leaf
      current = leaf
      break
    }
    let common = 1
    while (
      common < child.label.length &&
      offset + common < text.length &&
      child.label.charCodeAt(common) === text.charCodeAt(offset + common)
    ) {
      common++
    }
    if (common < child.label.length) {
      const fork = createNode(child.label.slice(0, common))
      child.label = flatten(child.label.slice(common))
      fork.children[child.label.charCodeAt(0)] = child
      current.children[firstUnit] = fork
      current = fork
    } else {
      current = child
    }
    offset += common
  }
  current.entries.push(entry)
}

export interface RuleIndex {
  /** One rule at a time: thousands are added with pauses. */
  add(rule: CompiledRule, place: number): void
  /** Fills `out` from 0 with rules that may match `url`, each once, and returns how many. `pathAt`: where the path begins. */
  collectCandidates(url: string, pathAt: number, out: IndexEntry[]): number
}

/**
 * Every rule stands in exactly one of four places, by the longest literal that a matching URL must have: at its start, at
 * the start of its path, at any slash (what follows a fragment that may swallow slashes), or nowhere in particular.
 */
export function createRuleIndex(): RuleIndex {
  const byStart = createNode('')
  const byPath = createNode('')
  const bySlash = createNode('')
  const unindexed: IndexEntry[] = []
  const methodSets = new Map<string, ReadonlySet<string>>()
  function add(rule: CompiledRule, order: number): void {
    const { pattern } = rule
    const key = [...rule.methods].sort().join(' ')
    const methods = methodSets.get(key) ?? rule.methods
    methodSets.set(key, methods)
    const entry: IndexEntry = { rule, methods, pattern, prefixIndex: -1, order }
    const prefixes = pattern.prefixes ?? pattern.origins?.map(origin => origin + pattern.pathPrefix)
    const substring = pattern.requiredSubstring ?? ''
    if (prefixes !== undefined && substring.length <= pattern.pathPrefix.length) {
      insertPrefixes(byStart, prefixes, entry)
    } else if (substring.length > pattern.pathPrefix.length) {
      insertText(bySlash, substring, entry)
    } else if (pattern.pathPrefix !== '') {
      insertText(byPath, pattern.pathPrefix, entry)
    } else {
      unindexed.push(entry)
    }
  }
  let search = 0
  let count = 0

  function collect(root: RadixNode, url: string, from: number, out: IndexEntry[]): void {
    let at = root
    let offset = from
    for (;;) {
      if (at.lastSearch !== search) {
        at.lastSearch = search
        for (let i = 0; i < at.entries.length; i++) out[count++] = at.entries[i] as IndexEntry
      }
      if (offset >= url.length) return
      const child = at.children[url.charCodeAt(offset)]
      if (child === undefined || !url.startsWith(child.label, offset)) return
      offset += child.label.length
      at = child
    }
  }

  return {
    add,
    collectCandidates(url, pathAt, out) {
      search++
      count = 0
      collect(byStart, url, 0, out)
      if (byPath.children.length > 0) collect(byPath, url, pathAt, out)
      if (bySlash.children.length > 0) {
        for (let at = url.indexOf('/'); at >= 0; at = url.indexOf('/', at + 1)) collect(bySlash, url, at, out)
      }
      for (let i = 0; i < unindexed.length; i++) out[count++] = unindexed[i] as IndexEntry
      return count
    },
  }
}

/** Where one start begins with another, the shorter one serves for both, so that a URL meets the rule once. */
function insertPrefixes(root: RadixNode, prefixes: readonly string[], entry: IndexEntry): void {
  const minimal = prefixes.filter((text, i) =>
    prefixes.every((other, j) => i === j || !text.startsWith(other) || (text === other && i < j)),
  )
  const isExact = minimal.length === prefixes.length
  for (const text of minimal)
    insertText(root, text, isExact ? { ...entry, prefixIndex: prefixes.indexOf(text) } : entry)
}
