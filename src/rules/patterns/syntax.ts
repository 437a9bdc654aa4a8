/** The syntax of patterns: literal text, and fragments between `<` and `>`. */
import type { GlobNode } from '../../golang/index.ts'

/** Thrown for a pattern that cannot be used; `compilePattern` catches it. */
export class PatternError extends Error {
  readonly hint: string
  /** 0-based offset in the text of the pattern. */
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

/** Text between two delimiters, or outside of them. */
export interface Piece {
  readonly delimited: boolean
  readonly text: string
  /** 0-based offset of the text in the pattern. */
  readonly column: number
}

/** Text that a URL must contain literally. */
export interface Literal {
  readonly kind: 'literal'
  readonly text: string
}

/** A part that a regular expression matches: JavaScript source for the `v` flag. */
export interface Fragment {
  readonly kind: 'fragment'
  /** As written, without delimiters. */
  readonly text: string
  /** Source texts, and backreferences as numbers: 0 is the fragment's first group. */
  readonly source: readonly (string | number)[]
  /** Its capture groups in the order of their opening parentheses: the name, or `undefined`. */
  readonly groups: readonly (string | undefined)[]
  /** Whether some part of it is matched case-insensitively. */
  readonly ignoresCase: boolean
}

/** A fragment of the glob strategy; its syntax tree is for the matcher that does not backtrack. */
export interface GlobFragment extends Fragment {
  readonly glob: GlobNode
}

export type Part = Literal | Fragment | GlobFragment

/** Splits at `<` and `>`. Brackets nest, and only the outermost pair delimits. Throws `PatternError` if they are unbalanced. */
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
      'close it with ">"; lookbehind and atomic groups cannot be written, because they contain a single bracket',
    )
  }
  if (start < text.length) pieces.push({ delimited: false, text: text.slice(start), column: start })
  return pieces
}

/** Enclose a case-insensitive part. Without the empty `(?-i:)`, V8 14.6 also ignores case in the class that follows. */
export const IGNORE_CASE_START = '(?:(?i:'
export const IGNORE_CASE_END = ')(?-i:))'

const ESCAPED_CHARACTER = /[^A-Za-z0-9_]/gu

/** Escapes text for JavaScript source with the `v` flag, inside and outside of a character class. */
export const escapeSource = (text: string): string =>
  text.replace(ESCAPED_CHARACTER, c => `\\u{${(c.codePointAt(0) as number).toString(16)}}`)

/** Source of a fragment whose first group is number `firstGroup` of the whole expression. */
export const fragmentSource = (fragment: Fragment, firstGroup: number): string =>
  fragment.source.map(part => (typeof part === 'string' ? part : `(?:\\${firstGroup + part})`)).join('')

/** Source of the whole expression, and the names of its groups in the order in which JavaScript numbers them. */
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
