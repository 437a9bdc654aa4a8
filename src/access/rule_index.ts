/** An index that finds the few rules that can match a URL without trying all of them. */
import type { CompiledRule, IndexEntry } from './rule.ts'

/** A node of a radix tree. Its entries require the labels on the path from the root. */
interface RadixNode {
  label: string
  readonly entries: IndexEntry[]
  /** By the first code unit of the child's label. */
  readonly children: (RadixNode | undefined)[]
  /**
   * Number of the last search that reached the node, so that a text that occurs twice in a URL is collected
   * once.
   */
  lastSearch: number
}

const createNode = (label: string): RadixNode => ({
  label: flatten(label),
  entries: [],
  children: [],
  lastSearch: 0,
})

/**
 * A copy of the characters. V8 makes a slice a reference into its source, and comparing labels is most of a
 * search.
 */
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
  /** Adds a rule; `order` is its position in the rule set. */
  add(rule: CompiledRule, order: number): void
  /**
   * Writes the rules that may match `url` to the beginning of `out`, each once, and returns their number. The
   * path begins at `pathStart`.
   */
  collectCandidates(url: string, pathStart: number, out: IndexEntry[]): number
}

/**
 * An empty index. It keeps each rule in one of four places, by the longest literal text that a matching URL
 * must have: at the start of the URL, at the start of its path, at any slash, or nowhere.
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
    let node = root
    let offset = from
    for (;;) {
      if (node.lastSearch !== search) {
        node.lastSearch = search
        for (let i = 0; i < node.entries.length; i++) out[count++] = node.entries[i] as IndexEntry
      }
      if (offset >= url.length) return
      const child = node.children[url.charCodeAt(offset)]
      if (child === undefined || !url.startsWith(child.label, offset)) return
      offset += child.label.length
      node = child
    }
  }

  return {
    add,
    collectCandidates(url, pathStart, out) {
      search++
      count = 0
      collect(byStart, url, 0, out)
      if (byPath.children.length > 0) collect(byPath, url, pathStart, out)
      if (bySlash.children.length > 0) {
        for (let at = url.indexOf('/'); at >= 0; at = url.indexOf('/', at + 1)) collect(bySlash, url, at, out)
      }
      for (let i = 0; i < unindexed.length; i++) out[count++] = unindexed[i] as IndexEntry
      return count
    },
  }
}

/**
 * Inserts the entry under each prefix. A prefix that begins with another one is left out, so that a URL finds
 * the rule once.
 */
function insertPrefixes(root: RadixNode, prefixes: readonly string[], entry: IndexEntry): void {
  const minimal = prefixes.filter((text, i) =>
    prefixes.every((other, j) => i === j || !text.startsWith(other) || (text === other && i < j)),
  )
  const isExact = minimal.length === prefixes.length
  for (const text of minimal)
    insertText(root, text, isExact ? { ...entry, prefixIndex: prefixes.indexOf(text) } : entry)
}
