/** rules/pattern_parts — a pattern as a row of literals and fragments, and how it is cut at its delimiters. Knows no engine. */
import type { GlobNode } from '../../golang/index.ts'

/** What is wrong with a pattern; thrown while one is compiled, never further than `compilePattern`. */
export class PatternError extends Error {
  readonly hint: string
  /** 0-based place in the pattern's text. */
  readonly column: number
  constructor(message: string, column: number, hint = '') {
    super(message)
    this.column = column
    this.hint = hint
  }
}

export interface PatternLint {
  readonly message: string
  readonly hint: string
}

/** Text between delimiters, or outside of them. */
export interface Piece {
  readonly delimited: boolean
  readonly text: string
  /** 0-based place of the text in the pattern. */
  readonly column: number
}

/** A literal, as it has to appear in the URL. */
export interface Literal {
  readonly kind: 'literal'
  readonly text: string
}

/** A part that an engine matches: JavaScript source for the `v` flag. */
export interface Fragment {
  readonly kind: 'fragment'
  /** As written, without delimiters. */
  readonly text: string
  /** Texts and, as numbers, backreferences: 0 is the fragment's first group. */
  readonly source: readonly (string | number)[]
  /** Its capture groups in order of opening: the name, or `undefined`. */
  readonly groups: readonly (string | undefined)[]
  /** Some of it is matched without regard to case. */
  readonly ignoresCase: boolean
}

/** A fragment of the glob strategy keeps what it was read as, for the matcher that never goes back. */
export interface GlobFragment extends Fragment {
  readonly glob: GlobNode
}

export type Part = Literal | Fragment | GlobFragment

/** Cuts at `<` and `>`; they nest by counting, the outermost pair counts (spec 2.3). */
export function splitAtDelimiters(text: string): Piece[] {
  const pieces: Piece[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '<') {
      if (depth++ === 0) {
        if (at > start) pieces.push({ delimited: false, text: text.slice(start, at), column: start })
        start = at + 1
      }
    } else if (text[at] === '>') {
      if (--depth < 0) throw new PatternError('unbalanced ">"', at, 'delimit a fragment as <…>')
      if (depth === 0) {
        pieces.push({ delimited: true, text: text.slice(start, at), column: start })
        start = at + 1
      }
    }
  }
  if (depth > 0) {
    throw new PatternError(
      'unbalanced "<"',
      start - 1,
      'close it with ">"; lookbehind and atomic groups cannot be written, because they hold one bracket',
    )
  }
  if (start < text.length) pieces.push({ delimited: false, text: text.slice(start), column: start })
  return pieces
}

/** Around what ignores case. V8 (14.6) lets the next class ignore it too, unless told in so many words. */
export const IGNORE_CASE_START = '(?:(?i:'
export const IGNORE_CASE_END = ')(?-i:))'

const UNESCAPED_CHARACTER = /[A-Za-z0-9_]/

/** A text as JavaScript source for the `v` flag, outside and inside of a class. */
export const escapeSource = (text: string): string =>
  Array.from(text, c =>
    UNESCAPED_CHARACTER.test(c) ? c : `\\u{${(c.codePointAt(0) as number).toString(16)}}`,
  ).join('')

/** Source of a fragment whose first group has the number `base` in the whole expression. */
export const fragmentSource = (fragment: Fragment, firstGroup: number): string =>
  fragment.source.map(part => (typeof part === 'string' ? part : `(?:\\${firstGroup + part})`)).join('')

/** Source of the whole expression, and the names of its groups in JavaScript's order. */
export function patternSource(parts: readonly Part[]): { source: string; groups: (string | undefined)[] } {
  const groups: (string | undefined)[] = []
  let source = ''
  for (const part of parts) {
    if (part.kind === 'literal') source += escapeSource(part.text)
    else {
      source += fragmentSource(part, groups.length + 1)
      groups.push(...part.groups)
    }
  }
  return { source, groups }
}
