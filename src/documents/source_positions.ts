/** Positions of a document's values in its source text. */
import type { DocumentPath } from './diagnostic.ts'

export interface SourcePosition {
  /** 1-based. */
  readonly line: number
  /** 1-based, in UTF-16 code units. */
  readonly column: number
}

/** The position of a value and of everything in it. Offsets count UTF-16 code units. */
export interface LocatedNode {
  readonly offset: number
  /** Offset of the key; -1 for the root and for items of a list. */
  readonly keyOffset: number
  readonly children: Map<string | number, LocatedNode>
}

/**
 * Position of the value at `path`, or of its closest existing parent. A value that starts on a later line than its key is
 * reported at the key: readers look there.
 */
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

/** Paths come from readers that match keys case-insensitively, and name the key as they define it. */
function childIgnoringCase({ children }: LocatedNode, part: string | number): LocatedNode | undefined {
  if (typeof part === 'number') return undefined
  const wanted = part.toLowerCase()
  for (const [key, child] of children) {
    if (typeof key === 'string' && key.toLowerCase() === wanted) return child
  }
  return undefined
}

/** Offset of the first character of each line. */
export function lineStartOffsets(text: string): readonly number[] {
  const starts = [0]
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
  return starts
}

/** Converts an offset to a 1-based position, by the result of `lineStartOffsets`. */
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
