/** Parses YAML or JSON to a value, with the source position of each part. */
import {
  boolYaml11Tag,
  CORE_SCHEMA,
  constructFromEvents,
  defineScalarTag,
  EVENT_ID,
  type Event,
  mergeTag,
  NOT_RESOLVED,
  parseEvents,
  YAMLException,
} from 'js-yaml'
import type { DocumentPath } from './diagnostic.ts'
import { closestPosition, lineStartOffsets, positionAt, type SourcePosition } from './source_positions.ts'
import { explainYamlError, type YamlExplanation } from './yaml_errors.ts'
import { locateValues, MAX_ALIASED_VALUES, positionOfValue } from './yaml_positions.ts'

export interface YamlDocument {
  readonly kind: 'document'
  /** JSON-like; `undefined` if the text contains no document. */
  readonly value: unknown
  /** Start of the value at a path, or of its closest existing parent. */
  readonly positionOf: (path: DocumentPath) => SourcePosition
  /** Repeated keys of a map; the last one wins. */
  readonly duplicates: readonly (SourcePosition & { readonly key: string })[]
  /** Start of a second document in the text that is not empty; it is not parsed. */
  readonly second: SourcePosition | undefined
}

export interface InvalidYaml extends SourcePosition, YamlExplanation {
  readonly kind: 'invalid'
}

/** `rules`: YAML 1.1 with Go's numbers. `config`: YAML 1.2; see `parseYamlBoolean` for `yes` and `no`. */
export type YamlDialect = 'rules' | 'config'

/**
 * Go's YAML 1.1 numbers: `010` is 8 and `1_000` is 1000, but `12:30` is a string and not a sexagesimal number. Every JSON
 * number is a number.
 */
const goInteger = defineScalarTag<number>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: [...'+-0123456789'],
  resolve(source) {
    const text = source.replaceAll('_', '')
    const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)$/.exec(text)
    if (match === null) return NOT_RESOLVED
    const digits = (match[2] as string).replace(/^0(?=[0-7])/, '0o')
    return match[1] === '-' ? -Number(digits) : Number(digits)
  },
  identify: () => false,
})
const goFloat = defineScalarTag<number>('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: [...'+-.0123456789'],
  resolve(source) {
    const text = source.replaceAll('_', '')
    if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(text)) return Number(text)
    const special = /^([-+]?)\.(?:inf|Inf|INF)$/.exec(text)
    if (special !== null) return special[1] === '-' ? -Infinity : Infinity
    return /^\.(?:nan|NaN|NAN)$/.test(text) ? Number.NaN : NOT_RESOLVED
  },
  identify: () => false,
})

/** No timestamps, sets or binary values: the result is JSON-like, and a date stays a string. */
const SCHEMAS: Readonly<Record<YamlDialect, typeof CORE_SCHEMA>> = {
  rules: CORE_SCHEMA.withTags(mergeTag, boolYaml11Tag, goInteger, goFloat),
  config: CORE_SCHEMA.withTags(mergeTag),
}

/** UTF-16 code units; tens of thousands of rules stay far below. */
const MAX_YAML_CHARS = 64 * 1024 * 1024
const MAX_YAML_EVENTS = 5_000_000

/** Parses the first document of a stream, as Oathkeeper does. `source` is the text; errors in it are returned. */
export function parseYaml(source: string, dialect: YamlDialect): YamlDocument | InvalidYaml {
  if (source.length > MAX_YAML_CHARS)
    return invalidDocument('the document is larger than 64 MiB', 'split it into several files')
  const lineOffsets = lineStartOffsets(source)
  const text = moveToLineStart(source)
  try {
    const all = parseEvents(text, {})
    const events = takeFirstDocument(all)
    if (events.length > MAX_YAML_EVENTS)
      return invalidDocument('the document has too many values', 'split it into several files')
    const { positions, duplicates, aliased } = locateValues(text, events)
    if (aliased > MAX_ALIASED_VALUES) {
      return invalidDocument('the aliases expand to too many values', 'write the values out')
    }
    const [value] = constructFromEvents(events, {
      source: text,
      schema: SCHEMAS[dialect],
      json: true,
      maxTotalMergeKeys: MAX_ALIASED_VALUES,
    })
    // Positions are needed for diagnostics only, and would be a fifth of the memory of 10,000 rules. They can be
    // computed again.
    let cachedPositions = new WeakRef(positions)
    return {
      kind: 'document',
      value,
      positionOf(path) {
        const located =
          cachedPositions.deref() ?? locateValues(text, takeFirstDocument(parseEvents(text, {}))).positions
        cachedPositions = new WeakRef(located)
        return closestPosition(located, path, lineOffsets)
      },
      second: positionOfValue(all.slice(events.length), lineOffsets),
      duplicates: duplicates.map(one => ({ key: one.key, ...positionAt(lineOffsets, one.offset) })),
    }
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const position =
      error.mark === undefined ? { line: 1, column: 1 } : positionAt(lineOffsets, error.mark.position)
    return { kind: 'invalid', ...position, ...explainYamlError(error.reason, text, position.line) }
  }
}

const invalidDocument = (message: string, hint: string): InvalidYaml => ({
  kind: 'invalid',
  line: 1,
  column: 1,
  message,
  hint,
})

/**
 * A JSON text may be indented more in its first line than in the next; YAML rejects that. Replacing leading spaces by
 * line breaks preserves the offsets.
 */
function moveToLineStart(text: string): string {
  const blank = /^\s*(?=[[{])/.exec(text)?.[0] ?? ''
  return '\n'.repeat(blank.length) + text.slice(blank.length)
}

/** Converts the boolean words of YAML 1.1 (`yes`, `off` …), for settings of type boolean. Returns other values unchanged. */
export function parseYamlBoolean(value: unknown): unknown {
  if (typeof value !== 'string') return value
  const read = boolYaml11Tag.resolve(value, false, boolYaml11Tag.tagName)
  return typeof read === 'boolean' ? read : value
}

function takeFirstDocument(events: readonly Event[]): Event[] {
  let depth = 0
  for (let i = 0; i < events.length; i++) {
    const { type } = events[i] as Event
    if (type === EVENT_ID.DOCUMENT || type === EVENT_ID.SEQUENCE || type === EVENT_ID.MAPPING) depth++
    else if (type === EVENT_ID.POP && --depth === 0) return events.slice(0, i + 1)
  }
  return [...events]
}
