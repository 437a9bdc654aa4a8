/** The modifiers of gjson, such as `@reverse` and `@flatten`. */
import { isRecord, type JsonValue, parseUnboundedJson } from '../golang/index.ts'
import type { GjsonLookup, GjsonResult } from './value.ts'

/**
 * `name` is one of `MODIFIERS`. `last`: the modifier ends the path. `compile` compiles the argument of `@dig`. Most
 * modifiers return `undefined` for `undefined`.
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
      return value => (typeof value === 'string' ? parseUnboundedJson(value) : (value ?? undefined))
    case 'group':
      return group
    case 'dig':
      return dig(compile(argument))
    default:
      // @this, and those that only change the formatting: @pretty, @ugly, @valid.
      return value => value
  }
}

function readOption(argument: string, name: string): boolean {
  const read = parseUnboundedJson(argument)
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

/**
 * Merges the objects of a list. With `preserve` gjson keeps repeated keys: a path finds the first of them, a reader of the
 * whole object the last.
 */
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

/** The results of a path at every depth, in document order. */
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
