/** lib/gjson_modifiers — gjson's `@` functions by name. Knows values, no paths but those of `@dig`. */
import { type Found, isRecord, type JsonValue, type Step } from './gjson_value.ts'

/** `undefined` for a name that gjson does not know. */
export function modifierOf(
  name: string,
  argument: string,
  compile: (path: string) => Step,
): Step | undefined {
  switch (name) {
    case 'this':
    case 'pretty':
    case 'ugly':
    case 'valid':
      return value => value
    case 'reverse':
      return reverse
    case 'keys':
      return value =>
        isRecord(value) ? Object.keys(value) : Array.isArray(value) ? value.map(() => null) : [null]
    case 'values':
      return value => (isRecord(value) ? Object.values(value) : Array.isArray(value) ? value : [value])
    case 'flatten':
      return value => (Array.isArray(value) ? flatten(value, option(argument, 'deep')) : value)
    case 'join':
      return value => (Array.isArray(value) ? join(value, option(argument, 'preserve')) : value)
    case 'tostr':
      return value => JSON.stringify(value)
    case 'fromstr':
      return fromString
    case 'group':
      return group
    case 'dig':
      return dig(compile(argument))
    default:
      return undefined
  }
}

function option(argument: string, name: string): boolean {
  const read = fromString(argument)
  return isRecord(read) && read[name] === true
}

function reverse(value: JsonValue): Found {
  if (Array.isArray(value)) return value.toReversed()
  return isRecord(value) ? Object.fromEntries(Object.entries(value).toReversed()) : value
}

const flatten = (list: readonly JsonValue[], deep: boolean): JsonValue[] =>
  list.flatMap(one => (!Array.isArray(one) ? [one] : deep ? flatten(one, true) : [...one]))

/** Objects of a list as one; `preserve` keeps the first of equal keys in front of later ones. */
function join(list: readonly JsonValue[], preserve: boolean): JsonValue {
  const entries = list.filter(isRecord).flatMap(one => Object.entries(one))
  return Object.fromEntries(preserve ? [...entries, ...entries.toReversed()] : entries)
}

function fromString(value: JsonValue): Found {
  if (typeof value !== 'string') return undefined
  try {
    return JSON.parse(value) as JsonValue
  } catch {
    return undefined
  }
}

/** `{a:[1,2],b:[3,4]}` → `[{a:1,b:3},{a:2,b:4}]`. */
function group(value: JsonValue): Found {
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
  (find: Step): Step =>
  value => {
    const found: JsonValue[] = []
    const visit = (one: JsonValue): void => {
      const here = find(one)
      if (here !== undefined) found.push(here)
      if (Array.isArray(one)) one.forEach(visit)
      else if (isRecord(one)) Object.values(one).forEach(visit)
    }
    visit(value)
    return found
  }
