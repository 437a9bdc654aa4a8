/** lib/text_places — where the parts of a document stand in its text. Knows no format. */
import type { DocumentPath } from './diagnostic.ts'

export interface SourcePosition {
  /** 1-based. */
  readonly line: number
  /** 1-based, in UTF-16 code units. */
  readonly column: number
}

/** A value of a document, with the places of its parts. Offsets are UTF-16 code units. */
export interface LocatedNode {
  readonly offset: number
  /** Where the key stands; -1 for the root and the items of a list. */
  readonly keyOffset: number
  readonly children: Map<string | number, LocatedNode>
}

/** The value where it stands on the line of its key, else the key: that is the line that people look for. */
export function closestPosition(
  root: LocatedNode,
  path: DocumentPath,
  lineOffsets: readonly number[],
): SourcePosition {
  let node = root
  for (const part of path) {
    const child = node.children.get(part) ?? childIgnoringCase(node, part)
    if (child === undefined) break
    node = child
  }
  const value = positionAt(lineOffsets, node.offset)
  if (node.keyOffset < 0) return value
  const key = positionAt(lineOffsets, node.keyOffset)
  return key.line === value.line ? value : key
}

/** Readers that do not care for case ask by the name that they know. */
function childIgnoringCase({ children }: LocatedNode, part: string | number): LocatedNode | undefined {
  if (typeof part === 'number') return undefined
  const wanted = part.toLowerCase()
  for (const [key, child] of children) {
    if (typeof key === 'string' && key.toLowerCase() === wanted) return child
  }
  return undefined
}

/** Offsets at which lines begin. */
export function lineStartOffsets(text: string): readonly number[] {
  const starts = [0]
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
  return starts
}

/** Line and column of an offset. */
export function positionAt(starts: readonly number[], offset: number): SourcePosition {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] as number) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - (starts[low] as number) + 1 }
}
