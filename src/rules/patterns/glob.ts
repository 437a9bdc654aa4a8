/** Parses patterns of the glob strategy, and lints globs that Oathkeeper reads differently (Q-27, Q-73). */
import {
  GlobError,
  type GlobNode,
  type GlobToken,
  globToRegExpSource,
  parseGlob,
} from '../../golang/index.ts'
import { escapeSource, type Part, PatternError, type PatternLint, type Piece } from './syntax.ts'

/** Parses all pieces as one glob, because a brace may open in one fragment and close in another. Throws `PatternError`. */
export function parseGlobPattern(pieces: readonly Piece[]): { parts: Part[]; lints: PatternLint[] } {
  const chars: GlobToken[] = []
  const columns: number[] = []
  for (const piece of pieces) {
    let column = piece.column
    for (const char of piece.text) {
      chars.push({ char, literal: !piece.delimited })
      columns.push(column)
      column += char.length
    }
  }
  let nodes: GlobNode[]
  try {
    nodes = parseGlob(chars)
  } catch (error) {
    if (!(error instanceof GlobError)) throw error
    throw new PatternError(error.message, columns[error.index] ?? columns.at(-1) ?? 0)
  }
  const parts = nodes.map((glob): Part => {
    if (glob.kind === 'text') return { kind: 'literal', text: glob.text }
    const source = globToRegExpSource(glob, escapeSource)
    return { kind: 'fragment', text: source, source: [source], groups: [], ignoresCase: false, glob }
  })
  const lints = [
    ...pieces.filter(piece => piece.delimited).flatMap(lintRegexpSyntax),
    ...lintGobwasDifferences(nodes),
  ]
  return { parts, lints }
}

/** The syntax tree of parsed parts, with normalized literals. */
export const globNodes = (parts: readonly Part[]): GlobNode[] =>
  parts.flatMap((part): GlobNode[] => {
    if (part.kind === 'literal') return [{ kind: 'text', text: part.text }]
    return 'glob' in part ? [part.glob] : []
  })

function lintRegexpSyntax({ text }: Piece): PatternLint[] {
  const syntax = /\.[*+]|\[\^|\(\?|\\[dwsDWS]|\]\+|[()|]/.exec(text)?.[0]
  if (syntax === undefined) return []
  return [
    {
      message: `"<${text}>" looks like a regular expression, but the strategy is glob: "${syntax}" means something else`,
      hint: 'write <**> for any text, <*> for any text without "." and "/"',
    },
  ]
}

/** Lints globs that gobwas, Oathkeeper's library, reads differently from its own documentation (Q-73). */
function lintGobwasDifferences(nodes: readonly GlobNode[]): PatternLint[] {
  const lints: PatternLint[] = []
  const addLint = (shape: string): void => {
    lints.push({
      message: `Oathkeeper misreads ${shape}; Credence matches what is written`,
      hint: 'check what it should match, or write separate rules',
    })
  }
  for (const [i, node] of nodes.entries()) {
    const neighborKinds = [nodes[i - 1]?.kind, nodes[i + 1]?.kind]
    if (node.kind === 'star' && neighborKinds[1] === 'question') addLint('"*?"')
    if (node.kind === 'class' && node.negated && !/[./]/.test(node.chars) && node.chars !== '') {
      lints.push({
        message: `"[!${node.chars}${node.rangeEnd === undefined ? '' : `-${node.rangeEnd}`}]" also matches "." and "/"`,
        hint: 'exclude the separators as well: [!./…]',
      })
    }
    if (node.kind !== 'alternatives') continue
    const lengths = node.branches.map(fixedLength)
    const fixed = lengths.filter(length => length !== undefined)
    const open = lengths.indexOf(undefined)
    if (open >= 0 && open < lengths.findLastIndex(n => n !== undefined) && new Set(fixed).size === 1) {
      addLint('a group whose branch with "*" comes before branches of one length')
    } else if (
      lengths.includes(0) &&
      neighborKinds.some(kind => kind === 'star' || kind === 'globstar' || kind === 'alternatives')
    ) {
      addLint('a group with an empty branch beside a wildcard')
    }
    for (const branch of node.branches) lints.push(...lintGobwasDifferences(branch))
  }
  return lints
}

/** The length of all texts that a branch matches; `undefined` if they differ in length. */
function fixedLength(branch: readonly GlobNode[]): number | undefined {
  let length = 0
  for (const node of branch) {
    if (node.kind === 'star' || node.kind === 'globstar') return undefined
    if (node.kind === 'text') length += node.text.length
    else if (node.kind !== 'alternatives') length++
    else {
      const [one, ...others] = new Set(node.branches.map(fixedLength))
      if (one === undefined || others.length > 0) return undefined
      length += one
    }
  }
  return length
}
