/** Glob patterns as github.com/gobwas/glob defines them: parsed once, then matched or translated to a regular expression. */

/**
 * Separators are `.` and `/`. A class is a list of code points (`chars`), or a range from `chars` to `rangeEnd`; a negated
 * class also matches separators.
 */
export type GlobNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'star' }
  | { readonly kind: 'globstar' }
  /** `asciiOnly`: before a node of fixed length gobwas counts bytes, so `?` matches ASCII only. */
  | { readonly kind: 'question'; readonly asciiOnly: boolean }
  | { readonly kind: 'class'; readonly negated: boolean; readonly chars: string; readonly rangeEnd?: string }
  | { readonly kind: 'alternatives'; readonly branches: readonly (readonly GlobNode[])[] }

/** One character of a pattern; outside of the delimiters `<` and `>` it is literal. */
export interface GlobToken {
  readonly char: string
  readonly literal: boolean
}

export class GlobError extends Error {
  /** 0-based index into the tokens. */
  readonly index: number
  constructor(message: string, index: number) {
    super(message)
    this.index = index
  }
}

const FIXED_LENGTH_KINDS: ReadonlySet<string | undefined> = new Set(['text', 'question', 'class'])

/**
 * Parses `*`, `**`, `?`, `[…]`, `{…}` and `\c`. The end of the pattern closes an open brace. Throws a `GlobError` for an
 * invalid class and for more than 50 nested braces.
 */
export function parseGlob(chars: readonly GlobToken[]): GlobNode[] {
  let at = 0
  const active = (char: string): boolean => chars[at]?.char === char && !(chars[at] as GlobToken).literal

  function sequence(depth: number): GlobNode[] {
    if (depth > 50) throw new GlobError('braces are nested too deeply', at)
    const nodes: GlobNode[] = []
    const text = (char: string): void => {
      const last = nodes.at(-1)
      if (last?.kind === 'text') nodes[nodes.length - 1] = { kind: 'text', text: last.text + char }
      else nodes.push({ kind: 'text', text: char })
    }
    while (at < chars.length) {
      if (depth > 0 && (active('}') || active(','))) break
      if (active('*')) {
        let stars = 0
        for (; active('*'); at++) stars++
        nodes.push({ kind: stars === 1 ? 'star' : 'globstar' })
        // gobwas reads `***` as `**` and `*`, and requires at least one character for the two.
        if (stars > 1 && stars % 2 === 1) nodes.push({ kind: 'class', negated: true, chars: '' })
      } else if (active('?')) {
        at++
        nodes.push({ kind: 'question', asciiOnly: false })
      } else if (active('[')) {
        nodes.push(charClass())
      } else if (active('{')) {
        nodes.push(alternatives(depth))
      } else {
        if (active('\\')) at++
        if (at < chars.length) text((chars[at++] as GlobToken).char)
      }
    }
    return nodes.map((node, i) =>
      node.kind === 'question' && FIXED_LENGTH_KINDS.has(nodes[i + 1]?.kind)
        ? { kind: 'question', asciiOnly: true }
        : node,
    )
  }

  function alternatives(depth: number): GlobNode {
    const branches: GlobNode[][] = []
    do {
      at++
      branches.push(sequence(depth + 1))
    } while (active(','))
    if (active('}')) at++
    return { kind: 'alternatives', branches }
  }

  /** A list or one range; gobwas rejects `[a-z0-9]`, which is both. */
  function charClass(): GlobNode {
    at++
    const negated = active('!')
    if (negated) at++
    if (chars[at + 1]?.char === '-' && chars[at + 2]?.char !== undefined) {
      const low = (chars[at] as GlobToken).char
      const high = (chars[at + 2] as GlobToken).char
      at += 3
      if (!active(']')) throw new GlobError('a class is one range or a list, not both', at)
      if ((low.codePointAt(0) as number) > (high.codePointAt(0) as number)) {
        throw new GlobError(`the range "${low}-${high}" is reversed`, at)
      }
      at++
      return { kind: 'class', negated, chars: low, rangeEnd: high }
    }
    let list = ''
    while (at < chars.length && !active(']')) {
      if (active('\\')) at++
      list += chars[at++]?.char ?? ''
    }
    if (at >= chars.length) throw new GlobError('the class is not closed', at)
    if (list === '') throw new GlobError('the class is empty', at)
    at++
    return { kind: 'class', negated, chars: list }
  }

  return sequence(0)
}

/** Converts to lower case, for texts in lower case. A negated class stays: folding it would exclude other characters. */
export function foldGlobCase(node: GlobNode): GlobNode {
  switch (node.kind) {
    case 'text':
      return { kind: 'text', text: node.text.toLowerCase() }
    case 'class': {
      if (node.negated) return node
      const chars = node.chars.toLowerCase()
      return {
        ...node,
        chars,
        ...(node.rangeEnd === undefined ? {} : { rangeEnd: node.rangeEnd.toLowerCase() }),
      }
    }
    case 'alternatives':
      return { kind: 'alternatives', branches: node.branches.map(branch => branch.map(foldGlobCase)) }
    default:
      return node
  }
}

/** JavaScript source for a RegExp with the `v` flag, without capture groups. `quote` escapes a literal text. */
export function globToRegExpSource(node: GlobNode, quote: (text: string) => string): string {
  switch (node.kind) {
    case 'text':
      return quote(node.text)
    case 'star':
      return '[^.\\/]*'
    case 'globstar':
      return '[^]*'
    case 'question':
      return node.asciiOnly ? '[\\x00-\\x2d\\x30-\\x7f]' : '[^.\\/]'
    case 'class': {
      const inside =
        node.rangeEnd === undefined ? quote(node.chars) : `${quote(node.chars)}-${quote(node.rangeEnd)}`
      return `[${node.negated ? '^' : ''}${inside}]`
    }
    case 'alternatives':
      return `(?:${node.branches.map(branch => branch.map(n => globToRegExpSource(n, quote)).join('')).join('|')})`
  }
}

/**
 * Whether the whole text matches. Each node maps the set of reachable positions to the next set, without backtracking, so
 * the cost is at most the number of nodes times the length of the text.
 */
export function matchGlob(nodes: readonly GlobNode[], text: string): boolean {
  let positions = new Uint8Array(text.length + 1)
  positions[0] = 1
  positions = matchNodes(nodes, text, positions)
  return positions[text.length] === 1
}

function matchNodes(
  nodes: readonly GlobNode[],
  text: string,
  from: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  let positions = from
  for (const node of nodes) positions = matchNode(node, text, positions)
  return positions
}

function matchNode(node: GlobNode, text: string, from: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const to = new Uint8Array(from.length)
  if (node.kind === 'alternatives') {
    for (const branch of node.branches) {
      const ends = matchNodes(branch, text, from)
      for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) | (ends[i] as number)
    }
    return to
  }
  let isOpen = 0
  for (let i = 0; i < from.length; i++) {
    if (node.kind === 'globstar' || node.kind === 'star') {
      // A star reaches every position from a position of the set to the next separator; `**` also crosses separators.
      if (from[i] === 1) isOpen = 1
      to[i] = isOpen
      if (node.kind === 'star' && isSeparator(text[i])) isOpen = 0
    } else if (from[i] === 1) {
      const width = matchLength(node, text, i)
      if (width >= 0) to[i + width] = 1
    }
  }
  return to
}

const isSeparator = (char: string | undefined): boolean => char === '.' || char === '/'

/** UTF-16 code units that a text, a class or `?` matches at a position; -1 if it does not match. */
function matchLength(
  node: GlobNode & { kind: 'text' | 'class' | 'question' },
  text: string,
  at: number,
): number {
  if (node.kind === 'text') return text.startsWith(node.text, at) ? node.text.length : -1
  const code = text.codePointAt(at)
  if (code === undefined) return -1
  const char = String.fromCodePoint(code)
  if (node.kind === 'question') return isSeparator(char) || (node.asciiOnly && code > 0x7f) ? -1 : char.length
  const inside =
    node.rangeEnd === undefined
      ? Array.from(node.chars).includes(char)
      : code >= (node.chars.codePointAt(0) as number) && code <= (node.rangeEnd.codePointAt(0) as number)
  return inside !== node.negated ? char.length : -1
}

/**
 * Texts that gobwas accepts for `literal ** literal` although the two literals overlap in them, because it compares both
 * ends separately: `/<**>/edit` also matches `/edit`.
 */
export function overlappingTexts(nodes: readonly GlobNode[]): string[] {
  const [head, middle, tail] = nodes
  if (nodes.length !== 3 || head?.kind !== 'text' || middle?.kind !== 'globstar' || tail?.kind !== 'text')
    return []
  const texts: string[] = []
  for (let n = Math.min(head.text.length, tail.text.length); n > 0; n--) {
    if (head.text.endsWith(tail.text.slice(0, n))) texts.push(head.text + tail.text.slice(n))
  }
  return texts
}
