/** Finds where the values of a YAML document are written. */
import { EVENT_ID, type Event, getScalarValue } from 'js-yaml'
import { type LocatedNode, positionAt, type SourcePosition } from './source_positions.ts'

/** Values that aliases expand to; prevents exponential expansion ("billion laughs"). */
export const MAX_ALIASED_VALUES = 1_000_000

/** Start of the first value; `undefined` where there is none but an empty one. */
export function positionOfValue(
  events: readonly Event[],
  lineOffsets: readonly number[],
): SourcePosition | undefined {
  for (const event of events) {
    if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING)
      return positionAt(lineOffsets, event.start)
    if (event.type === EVENT_ID.SCALAR && event.valueStart < event.valueEnd)
      return positionAt(lineOffsets, event.valueStart)
  }
  return undefined
}

interface Frame {
  readonly node: LocatedNode
  readonly isMap: boolean
  /** The key whose value comes next; `undefined` if a key comes next. */
  key: { readonly text: string; readonly offset: number } | undefined
  readonly anchor: string
  /** Number of values so far, aliases expanded. */
  size: number
}

/** Shared by all scalars, to save memory. */
const NO_CHILDREN: LocatedNode['children'] = new Map()

/** Computes the offsets of all values, as a tree of the document's shape. An alias is located where it is used. */
export function locateValues(text: string, events: readonly Event[]) {
  const root: LocatedNode = { offset: 0, keyOffset: -1, children: new Map() }
  const duplicates: { key: string; offset: number }[] = []
  const sizes = new Map<string, number>()
  const stack: Frame[] = []
  let aliased = 0
  const addNode = (at: number, children: LocatedNode['children'] = NO_CHILDREN): LocatedNode => {
    const frame = stack.at(-1)
    if (frame === undefined) return root
    frame.size++
    const { key } = frame
    const offset = at < 0 ? (key?.offset ?? frame.node.offset) : at
    const node: LocatedNode = { offset, keyOffset: key?.offset ?? -1, children }
    if (!frame.isMap) frame.node.children.set(frame.node.children.size, node)
    else if (key === undefined) frame.key = { text: text.slice(offset, offset + 1), offset }
    else {
      frame.node.children.set(key.text, node)
      frame.key = undefined
    }
    return node
  }
  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING: {
        const anchor = event.anchorStart < 0 ? '' : text.slice(event.anchorStart, event.anchorEnd)
        const isMap = event.type === EVENT_ID.MAPPING
        stack.push({ node: addNode(event.start, new Map()), isMap, key: undefined, anchor, size: 0 })
        break
      }
      case EVENT_ID.POP: {
        const ended = stack.pop()
        if (ended === undefined) break
        if (ended.anchor !== '') sizes.set(ended.anchor, ended.size)
        const outer = stack.at(-1)
        if (outer !== undefined) outer.size += ended.size
        break
      }
      case EVENT_ID.ALIAS: {
        const name = text.slice(event.anchorStart, event.anchorEnd)
        // An alias inside its own anchor would make a cyclic value.
        const size = stack.some(open => open.anchor === name)
          ? MAX_ALIASED_VALUES + 1
          : (sizes.get(name) ?? 0)
        aliased += size
        const frame = stack.at(-1)
        if (frame !== undefined) frame.size += size
        addNode(event.anchorStart - 1)
        break
      }
      case EVENT_ID.SCALAR: {
        const offset = event.style === 2 || event.style === 3 ? event.valueStart - 1 : event.valueStart
        const frame = stack.at(-1)
        if (frame?.isMap && frame.key === undefined) {
          frame.size++
          frame.key = { text: getScalarValue(text, event), offset }
          if (frame.key.text !== '<<' && frame.node.children.has(frame.key.text)) {
            duplicates.push({ key: frame.key.text, offset })
          }
        } else addNode(offset)
      }
    }
  }
  return { positions: root, duplicates, aliased }
}
