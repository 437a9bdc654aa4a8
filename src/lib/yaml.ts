/** lib/yaml — YAML or JSON text to a value that remembers where each part of it stood. The only importer of js-yaml. */
import {
  binaryTag,
  boolCoreTag,
  boolYaml11Tag,
  CORE_SCHEMA,
  constructFromEvents,
  EVENT_ID,
  type Event,
  getScalarValue,
  intCoreTag,
  mergeTag,
  parseEvents,
  Schema,
  timestampTag,
  YAML11_SCHEMA,
  YAMLException,
} from 'js-yaml'
import type { Path } from './issue.ts'

export interface TextPlace {
  /** 1-based. */
  readonly line: number
  readonly column: number
}

export interface YamlDocument {
  readonly kind: 'document'
  /** JSON-like; `undefined` for a text without any document. */
  readonly value: unknown
  /** Where a value (or, failing that, its nearest parent) begins; 1-based. */
  at(path: Path): TextPlace
  /** Keys that stand twice in one map; the last one counts. */
  readonly duplicates: readonly (TextPlace & { readonly key: string })[]
}

export interface YamlFault extends TextPlace {
  readonly kind: 'fault'
  readonly message: string
}

/** `rules`: YAML 1.1 booleans; `config`: 1.2, where a boolean may also be written as in 1.1 at a place that wants one. */
export type Dialect = 'rules' | 'config'

const without = (schema: Schema, ...tags: readonly { tagName: string }[]) =>
  schema.tags.filter(tag => !tags.includes(tag))

/** No timestamps and no binary in either: a date stays the text that was written. */
const SCHEMAS: Readonly<Record<Dialect, Schema>> = {
  rules: new Schema(without(YAML11_SCHEMA, timestampTag, binaryTag)),
  config: CORE_SCHEMA.withTags(mergeTag, boolCoreTag, intCoreTag),
}

/** Bytes of text; a rule set of tens of thousands of rules stays well below. */
const LARGEST = 64 * 1024 * 1024
/** Aliases in one document: enough for people, not for a bomb (F7). */
const MOST_ALIASES = 10_000
const MOST_NODES = 5_000_000

/** Only the first document of a stream is read, as Oathkeeper does. */
export function parseYaml(text: string, dialect: Dialect): YamlDocument | YamlFault {
  if (text.length > LARGEST)
    return { kind: 'fault', line: 1, column: 1, message: 'the text is larger than 64 MiB' }
  const lines = lineStarts(text)
  try {
    const events = firstDocument(parseEvents(text, {}))
    if (events.length > MOST_NODES) return { kind: 'fault', line: 1, column: 1, message: 'too many values' }
    const [value] = constructFromEvents(events, {
      source: text,
      schema: SCHEMAS[dialect],
      json: true,
      maxAliases: MOST_ALIASES,
    })
    const { places, duplicates } = locate(text, events)
    return {
      kind: 'document',
      value,
      at: path => placeOf(lines, nearestPlace(places, path)),
      duplicates: duplicates.map(one => ({ key: one.key, ...placeOf(lines, one.offset) })),
    }
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const place = error.mark === undefined ? { line: 1, column: 1 } : placeOf(lines, error.mark.position)
    return { kind: 'fault', ...place, message: error.reason }
  }
}

/** YAML 1.1's words for true and false, for config keys that want a boolean; other values come back as they are. */
export function booleanWord(value: unknown): unknown {
  if (typeof value !== 'string') return value
  const read = boolYaml11Tag.resolve(value, false, boolYaml11Tag.tagName)
  return typeof read === 'boolean' ? read : value
}

function firstDocument(events: readonly Event[]): Event[] {
  let depth = 0
  for (let i = 0; i < events.length; i++) {
    const { type } = events[i] as Event
    if (type === EVENT_ID.DOCUMENT || type === EVENT_ID.SEQUENCE || type === EVENT_ID.MAPPING) depth++
    else if (type === EVENT_ID.POP && --depth === 0) return events.slice(0, i + 1)
  }
  return [...events]
}

interface Placed {
  readonly offset: number
  readonly children: Map<string | number, Placed>
}

interface Frame {
  readonly node: Placed
  readonly map: boolean
  /** The key whose value comes next; `undefined` where a key comes next. */
  key: string | undefined
}

/** Offsets of all values, as a tree of the document's own shape. What an alias stands for is placed at the alias. */
function locate(text: string, events: readonly Event[]) {
  const root: Placed = { offset: 0, children: new Map() }
  const duplicates: { key: string; offset: number }[] = []
  const stack: Frame[] = []
  const enter = (offset: number): Placed => {
    const frame = stack.at(-1)
    if (frame === undefined) return root
    const node: Placed = { offset, children: new Map() }
    if (!frame.map) frame.node.children.set(frame.node.children.size, node)
    else if (frame.key === undefined) frame.key = text.slice(offset, offset + 1)
    else {
      frame.node.children.set(frame.key, node)
      frame.key = undefined
    }
    return node
  }
  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING:
        stack.push({ node: enter(event.start), map: event.type === EVENT_ID.MAPPING, key: undefined })
        break
      case EVENT_ID.POP:
        stack.pop()
        break
      case EVENT_ID.ALIAS:
        enter(event.anchorStart - 1)
        break
      case EVENT_ID.SCALAR: {
        const offset = event.style === 2 || event.style === 3 ? event.valueStart - 1 : event.valueStart
        const frame = stack.at(-1)
        if (frame?.map && frame.key === undefined) {
          frame.key = getScalarValue(text, event)
          if (frame.key !== '<<' && frame.node.children.has(frame.key))
            duplicates.push({ key: frame.key, offset })
        } else enter(offset)
      }
    }
  }
  return { places: root, duplicates }
}

function nearestPlace(places: Placed, path: Path): number {
  let node = places
  for (const part of path) {
    const child = node.children.get(part)
    if (child === undefined) break
    node = child
  }
  return node.offset
}

function lineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
  return starts
}

function placeOf(starts: readonly number[], offset: number): TextPlace {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] as number) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - (starts[low] as number) + 1 }
}
