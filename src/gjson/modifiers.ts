/** lib/gjson_modifiers — gjson's `@` functions by name. Knows values, no paths but those of `@dig`. */
import { type GjsonLookup, type GjsonResult, isRecord, type JsonValue, tryParseJson } from './value.ts'

/**
 * Each takes what was found; nothing (an empty text) mostly stays nothing. `name` is one of `MODIFIERS`; `last`: no more of
 * the path follows.
 */
export function compileModifier(
  name: string,
  argument: string,
  last: boolean,
  compile: (path: string) => GjsonLookup,
): GjsonLookup {
  switch (name) {
    case 'reverse':
      return reverse
    case 'keys':
      return keys
    case 'values':
      return values
    case 'flatten': {
      const deep = readOption(argument, 'deep')
      return value => (Array.isArray(value) ? flatten(value, deep) : value)
    }
    case 'join': {
      const preserve = readOption(argument, 'preserve') && !last
      return value => (Array.isArray(value) ? join(value, preserve) : value)
    }
    case 'tostr':
      return value => (value === undefined ? '' : JSON.stringify(value))
    case 'fromstr':
      return value => (typeof value === 'string' ? tryParseJson(value) : (value ?? undefined))
    case 'group':
      return group
    case 'dig':
      return dig(compile(argument))
    default:
      // @this, and what only concerns the form of a text: @pretty, @ugly, @valid.
      return value => value
  }
}

function readOption(argument: string, name: string): boolean {
  const read = tryParseJson(argument)
  const value = isRecord(read) && Object.hasOwn(read, name) ? read[name] : undefined
  return typeof value === 'string'
    ? /^(1|t|true)$/i.test(value)
    : value === true || (typeof value === 'number' && value !== 0)
}

function reverse(value: GjsonResult): GjsonResult {
  if (Array.isArray(value)) return value.toReversed()
  return isRecord(value) ? Object.fromEntries(Object.entries(value).toReversed()) : value
}

function keys(value: GjsonResult): GjsonResult {
  if (value === undefined) return []
  if (isRecord(value)) return Object.keys(value)
  return Array.isArray(value) ? value.map(() => null) : [null]
}

function values(value: GjsonResult): GjsonResult {
  if (value === undefined) return []
  if (isRecord(value)) return Object.values(value)
  return Array.isArray(value) ? value : [value]
}

const flatten = (list: readonly JsonValue[], deep: boolean): JsonValue[] =>
  list.flatMap(one => (!Array.isArray(one) ? [one] : deep ? flatten(one, true) : [...one]))

/** Objects of a list as one. `preserve` leaves equal keys side by side: a path sees the first, who reads it all the last. */
function join(list: readonly JsonValue[], preserve: boolean): JsonValue {
  const entries = list.filter(isRecord).flatMap(one => Object.entries(one))
  return Object.fromEntries(preserve ? [...entries, ...entries.toReversed()] : entries)
}

/** `{a:[1,2],b:[3,4]}` → `[{a:1,b:3},{a:2,b:4}]`. */
function group(value: GjsonResult): GjsonResult {
  if (!isRecord(value)) return undefined
  const rows: Record<string, JsonValue>[] = []
  for (const [key, list] of Object.entries(value)) {
    if (!Array.isArray(list)) continue
    list.forEach((one: JsonValue, i) => {
      rows[i] = { ...rows[i], [key]: one }
    })
  }
  return rows
}

/** What a path finds at any depth, in order. */
const dig =
  (find: GjsonLookup): GjsonLookup =>
  value => {
    const found: JsonValue[] = []
    const visit = (one: GjsonResult): void => {
      const here = find(one)
      if (here !== undefined) found.push(here)
      if (Array.isArray(one)) one.forEach(visit)
      else if (isRecord(one)) Object.values(one).forEach(visit)
    }
    visit(value)
    return found
  }
