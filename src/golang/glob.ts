/** lib/glob — glob patterns in gobwas' language: read once, as a tree, a regular expression, or a matcher. Knows nothing of access control. */

/** Separators are `.` and `/`. `chars` of a class are code points or pairs; a class may be negated and then takes separators too. */
export type GlobNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'run' }
  | { readonly kind: 'any' }
  /** `narrow`: ASCII only, as gobwas reads it before anything of a fixed length (it counts bytes there; kept). */
  | { readonly kind: 'one'; readonly narrow: boolean }
  | { readonly kind: 'class'; readonly not: boolean; readonly chars: string; readonly upTo?: string }
  | { readonly kind: 'either'; readonly branches: readonly (readonly GlobNode[])[] }

/** One character of a pattern; what stands outside of delimiters is literal. */
export interface GlobToken {
  readonly char: string
  readonly literal: boolean
}

export class GlobError extends Error {
  /** 0-based index into the characters. */
  readonly index: number
  constructor(message: string, at: number) {
    super(message)
    this.index = at
  }
}

const FIXED_LENGTH_KINDS: ReadonlySet<string | undefined> = new Set(['text', 'one', 'class'])

/** Reads `*`, `**`, `?`, `[…]`, `{…}` and `\c` (spec 2.5). An unclosed brace ends with the pattern. */
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
        nodes.push({ kind: stars === 1 ? 'run' : 'any' })
        // gobwas reads `***` as `**` and `*`, and what it makes of the two is one character at least.
        if (stars > 1 && stars % 2 === 1) nodes.push({ kind: 'class', not: true, chars: '' })
      } else if (active('?')) {
        at++
        nodes.push({ kind: 'one', narrow: false })
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
      node.kind === 'one' && FIXED_LENGTH_KINDS.has(nodes[i + 1]?.kind)
        ? { kind: 'one', narrow: true }
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
    return { kind: 'either', branches }
  }

  /** Either a list or one range: `[a-z0-9]` is neither. */
  function charClass(): GlobNode {
    at++
    const not = active('!')
    if (not) at++
    if (chars[at + 1]?.char === '-' && chars[at + 2]?.char !== undefined) {
      const low = (chars[at] as GlobToken).char
      const high = (chars[at + 2] as GlobToken).char
      at += 3
      if (!active(']')) throw new GlobError('a class is one range or a list, not both', at)
      if ((low.codePointAt(0) as number) > (high.codePointAt(0) as number)) {
        throw new GlobError(`the range "${low}-${high}" is reversed`, at)
      }
      at++
      return { kind: 'class', not, chars: low, upTo: high }
    }
    let list = ''
    while (at < chars.length && !active(']')) {
      if (active('\\')) at++
      list += chars[at++]?.char ?? ''
    }
    if (at >= chars.length) throw new GlobError('the class is not closed', at)
    if (list === '') throw new GlobError('the class is empty', at)
    at++
    return { kind: 'class', not, chars: list }
  }

  return sequence(0)
}

/** For texts that are in lower case: letters are, but those of a negated class, which would then exclude others. */
export function foldGlobCase(node: GlobNode): GlobNode {
  switch (node.kind) {
    case 'text':
      return { kind: 'text', text: node.text.toLowerCase() }
    case 'class': {
      if (node.not) return node
      const chars = node.chars.toLowerCase()
      return { ...node, chars, ...(node.upTo === undefined ? {} : { upTo: node.upTo.toLowerCase() }) }
    }
    case 'either':
      return { kind: 'either', branches: node.branches.map(branch => branch.map(foldGlobCase)) }
    default:
      return node
  }
}

/** JavaScript source for the `v` flag, without captures; `quote` writes a text literally. */
export function globToRegExpSource(node: GlobNode, quote: (text: string) => string): string {
  switch (node.kind) {
    case 'text':
      return quote(node.text)
    case 'run':
      return '[^.\\/]*'
    case 'any':
      return '[^]*'
    case 'one':
      return node.narrow ? '[\\x00-\\x2d\\x30-\\x7f]' : '[^.\\/]'
    case 'class': {
      const inside = node.upTo === undefined ? quote(node.chars) : `${quote(node.chars)}-${quote(node.upTo)}`
      return `[${node.not ? '^' : ''}${inside}]`
    }
    case 'either':
      return `(?:${node.branches.map(branch => branch.map(n => globToRegExpSource(n, quote)).join('')).join('|')})`
  }
}

/**
 * Whether the whole text matches, without backtracking: every node turns the set of places where the match may stand into
 * the next one, so the cost is nodes times length whatever the pattern is (G5).
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
  if (node.kind === 'either') {
    for (const branch of node.branches) {
      const ends = matchNodes(branch, text, from)
      for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) | (ends[i] as number)
    }
    return to
  }
  let isOpen = 0
  for (let i = 0; i < from.length; i++) {
    if (node.kind === 'any' || node.kind === 'run') {
      // A run is open from any place of the set until a separator closes it; `**` is never closed.
      if (from[i] === 1) isOpen = 1
      to[i] = isOpen
      if (node.kind === 'run' && isSeparator(text[i])) isOpen = 0
    } else if (from[i] === 1) {
      const width = matchLength(node, text, i)
      if (width >= 0) to[i + width] = 1
    }
  }
  return to
}

const isSeparator = (char: string | undefined): boolean => char === '.' || char === '/'

/** UTF-16 code units that a text, a class or `?` takes at a place; -1 for none. */
function matchLength(node: GlobNode & { kind: 'text' | 'class' | 'one' }, text: string, at: number): number {
  if (node.kind === 'text') return text.startsWith(node.text, at) ? node.text.length : -1
  const code = text.codePointAt(at)
  if (code === undefined) return -1
  const char = String.fromCodePoint(code)
  if (node.kind === 'one') return isSeparator(char) || (node.narrow && code > 0x7f) ? -1 : char.length
  const inside =
    node.upTo === undefined
      ? Array.from(node.chars).includes(char)
      : code >= (node.chars.codePointAt(0) as number) && code <= (node.upTo.codePointAt(0) as number)
  return inside !== node.not ? char.length : -1
}

/**
 * Texts shorter than both literals of `literal ** literal` that gobwas accepts because it only looks at both ends:
 * `/<**>/edit` also matches `/edit`. People rely on it (Q-73, kept).
 */
export function overlappingTexts(nodes: readonly GlobNode[]): string[] {
  const [head, middle, tail] = nodes
  if (nodes.length !== 3 || head?.kind !== 'text' || middle?.kind !== 'any' || tail?.kind !== 'text')
    return []
  const texts: string[] = []
  for (let n = Math.min(head.text.length, tail.text.length); n > 0; n--) {
    if (head.text.endsWith(tail.text.slice(0, n))) texts.push(head.text + tail.text.slice(n))
  }
  return texts
}
