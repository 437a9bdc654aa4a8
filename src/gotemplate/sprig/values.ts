/** sprig's functions on maps, default values, types and JSON. */
import { assertListLength, GoError } from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import { copyMap, marshalJson, unmarshalJson } from '../values/json.ts'
import { type FunctionTable, goFunc } from '../values/signature.ts'
import {
  ANY_MAP,
  type AnyMap,
  GoInt,
  GoMap,
  GoSlice,
  GoStruct,
  type GoValue,
  goSlice,
  isMap,
  isSlice,
  kindName,
  mapGet,
  mapKeys,
  typeName,
} from '../values/value.ts'
import { deepEqual, isEmpty } from './cast.ts'

const mapOf = (entries: Iterable<readonly [string, GoValue]>): GoMap => new GoMap(ANY_MAP, new Map(entries))

/** Maps of the data are copied before a template changes them (`RenderState.copies`). */
function assertMutable(map: AnyMap): GoMap {
  if (!(map instanceof GoMap) || map.nil) throw new GoError('assignment to entry in nil map')
  return map
}

/** `Merge` of mergo: existing values of `target` stay unless `overwrite`; nested maps are merged. */
function mergeInto(target: GoMap, source: AnyMap, overwrite: boolean): void {
  for (const key of mapKeys(source)) {
    assertListLength(1)
    const value = mapGet(source, key)
    const known = target.entries.get(key)
    if (value === null) {
      if (overwrite) target.entries.set(key, null)
    } else if (isMap(value) && known instanceof GoMap) mergeInto(known, value, overwrite)
    else if (overwrite || isEmpty(known)) target.entries.set(key, value)
  }
}
const mergeFunction = (over: boolean) =>
  goFunc(['map', '...map'], (into, ...sources) => {
    for (const source of sources) mergeInto(assertMutable(into), source, over)
    return into
  })

function deepCopy(value: GoValue): GoValue {
  assertListLength(1)
  if (typeof value !== 'object' || value === null || value instanceof GoInt || value instanceof GoStruct)
    return value
  if (isSlice(value)) {
    const items = [...value].map(deepCopy)
    return value instanceof GoSlice ? goSlice(value.type, items) : items
  }
  if (value instanceof GoMap) {
    return new GoMap(
      value.type,
      new Map([...value.entries].map(([key, item]) => [key, deepCopy(item)])),
      value.nil,
    )
  }
  return copyMap(value, deepCopy)
}

function dig(...args: GoValue[]): GoValue {
  if (args.length < 3) throw new GoError('dig needs at least three arguments')
  const path = args.slice(0, -2)
  if (path.some(key => typeof key !== 'string')) throw new GoError('dig: a key is not a string')
  let value = args.at(-1)
  for (const key of path) {
    if (!isMap(value) || typeName(value) !== ANY_MAP.name) throw new GoError('dig: not a map')
    const next = mapGet(value, key as string)
    if (next === undefined) return args.at(-2)
    value = next
  }
  return value
}

const emptyOnError = (run: () => string): string => {
  try {
    return run()
  } catch (error) {
    if (error instanceof GoError && error.message.startsWith('json:')) return ''
    throw error
  }
}
const rawJson = goFunc(['any'], value => marshalJson(value, { html: false }))

export const VALUE_FUNCTIONS: FunctionTable = {
  dict: goFunc(['...any'], (...args) => {
    const entries: [string, GoValue][] = []
    for (let i = 0; i < args.length; i += 2) {
      entries.push([sprint(args[i]), i + 1 < args.length ? args[i + 1] : ''])
    }
    return mapOf(entries)
  }),
  get: goFunc(['map', 'string'], (map, key) => {
    const value = mapGet(map, key)
    return value === undefined ? '' : value
  }),
  set: goFunc(['map', 'string', 'any'], (map, key, value) => {
    assertMutable(map).entries.set(key, value)
    return map
  }),
  unset: goFunc(['map', 'string'], (map, key) => {
    if (map instanceof GoMap) map.entries.delete(key)
    return map
  }),
  hasKey: goFunc(['map', 'string'], (map, key) => mapGet(map, key) !== undefined),
  pluck: goFunc(['string', '...map'], (key, ...maps) =>
    maps.map(map => mapGet(map, key)).filter(value => value !== undefined),
  ),
  // Go's order is random; this one is sorted.
  keys: goFunc(['...map'], (...maps) => goSlice('[]string', maps.flatMap(mapKeys))),
  values: goFunc(['map'], map => mapKeys(map).map(key => mapGet(map, key))),
  pick: goFunc(['map', '...string'], (map, ...keys) =>
    mapOf(
      mapKeys(map)
        .filter(key => keys.includes(key))
        .map(key => [key, mapGet(map, key)]),
    ),
  ),
  omit: goFunc(['map', '...string'], (map, ...keys) =>
    mapOf(
      mapKeys(map)
        .filter(key => !keys.includes(key))
        .map(key => [key, mapGet(map, key)]),
    ),
  ),
  merge: mergeFunction(false),
  mustMerge: mergeFunction(false),
  mergeOverwrite: mergeFunction(true),
  mustMergeOverwrite: mergeFunction(true),
  deepCopy: goFunc(['any'], deepCopy),
  mustDeepCopy: goFunc(['any'], deepCopy),
  dig: goFunc(['...any'], dig),

  default: goFunc(['any', '...any'], (fallback, ...given) => (isEmpty(given[0]) ? fallback : given[0])),
  empty: goFunc(['any'], isEmpty),
  coalesce: goFunc(['...any'], (...values) => values.find(value => !isEmpty(value)) ?? null),
  all: goFunc(['...any'], (...values) => values.every(value => !isEmpty(value))),
  any: goFunc(['...any'], (...values) => values.some(value => !isEmpty(value))),
  ternary: goFunc(['any', 'any', 'bool'], (yes, no, condition) => (condition ? yes : no)),
  fail: goFunc(['string'], () => {
    // The argument may contain data of the session, which must not reach the log.
    throw new GoError('the template called fail')
  }),

  typeOf: goFunc(['any'], typeName),
  typeIs: goFunc(['string', 'any'], (name, value) => name === typeName(value)),
  typeIsLike: goFunc(['string', 'any'], (name, value) => [name, `*${name}`].includes(typeName(value))),
  kindOf: goFunc(['any'], kindName),
  kindIs: goFunc(['string', 'any'], (name, value) => name === kindName(value)),
  deepEqual: goFunc(['any', 'any'], deepEqual),

  toJson: goFunc(['any'], value => emptyOnError(() => marshalJson(value))),
  mustToJson: goFunc(['any'], value => marshalJson(value)),
  toPrettyJson: goFunc(['any'], value => emptyOnError(() => marshalJson(value, { indent: true }))),
  mustToPrettyJson: goFunc(['any'], value => marshalJson(value, { indent: true })),
  toRawJson: rawJson,
  mustToRawJson: rawJson,
  fromJson: goFunc(['string'], text => {
    try {
      return unmarshalJson(text)
    } catch (error) {
      if (error instanceof GoError && error.message === 'invalid JSON') return null
      throw error
    }
  }),
  mustFromJson: goFunc(['string'], unmarshalJson),
}
