/** lib/template_sprig_values — sprig's functions on maps, on defaults and on types. Knows nothing of access control. */
import { boundList, Fault } from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import { copyMap, fromJson, toJson } from '../values/json.ts'
import { type FunctionTable, fn } from '../values/signature.ts'
import {
  ANY_MAP,
  type AnyMap,
  GoMap,
  GoStruct,
  Int,
  isMap,
  isSlice,
  kindName,
  mapGet,
  mapKeys,
  Slice,
  sliceOf,
  typeName,
  type Value,
} from '../values/value.ts'
import { deepEqual, empty } from './cast.ts'

const made = (entries: Iterable<readonly [string, Value]>): GoMap => new GoMap(ANY_MAP, new Map(entries))

/** A map that may be changed. What a template gets from a session is copied for it before (`Run.owned`). */
function mutable(map: AnyMap): GoMap {
  if (!(map instanceof GoMap) || map.nil) throw new Fault('assignment to entry in nil map')
  return map
}

/** mergo's merge: `into` keeps what it has, unless `over`; maps in maps are merged too. */
function mergeInto(into: GoMap, from: AnyMap, over: boolean): void {
  for (const key of mapKeys(from)) {
    boundList(1)
    const value = mapGet(from, key)
    const known = into.entries.get(key)
    if (value === null) {
      if (over) into.entries.set(key, null)
    } else if (isMap(value) && known instanceof GoMap) mergeInto(known, value, over)
    else if (over || empty(known)) into.entries.set(key, value)
  }
}
const merge = (over: boolean) =>
  fn(['map', '...map'], (into, ...sources) => {
    for (const source of sources) mergeInto(mutable(into), source, over)
    return into
  })

function deepCopy(value: Value): Value {
  boundList(1)
  if (typeof value !== 'object' || value === null || value instanceof Int || value instanceof GoStruct)
    return value
  if (isSlice(value)) {
    const items = [...value].map(deepCopy)
    return value instanceof Slice ? sliceOf(value.type, items) : items
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

function dig(...args: Value[]): Value {
  if (args.length < 3) throw new Fault('dig needs at least three arguments')
  const path = args.slice(0, -2)
  if (path.some(key => typeof key !== 'string')) throw new Fault('dig: a key is not a string')
  let value = args.at(-1)
  for (const key of path) {
    if (!isMap(value) || typeName(value) !== ANY_MAP.name) throw new Fault('dig: not a map')
    const next = mapGet(value, key as string)
    if (next === undefined) return args.at(-2)
    value = next
  }
  return value
}

const orEmpty = (run: () => string): string => {
  try {
    return run()
  } catch (error) {
    if (error instanceof Fault && error.message.startsWith('json:')) return ''
    throw error
  }
}
const rawJson = fn(['any'], value => toJson(value, { html: false }))

export const VALUES: FunctionTable = {
  dict: fn(['...any'], (...args) => {
    const entries: [string, Value][] = []
    for (let i = 0; i < args.length; i += 2) {
      entries.push([sprint(args[i]), i + 1 < args.length ? args[i + 1] : ''])
    }
    return made(entries)
  }),
  get: fn(['map', 'string'], (map, key) => {
    const value = mapGet(map, key)
    return value === undefined ? '' : value
  }),
  set: fn(['map', 'string', 'any'], (map, key, value) => {
    mutable(map).entries.set(key, value)
    return map
  }),
  unset: fn(['map', 'string'], (map, key) => {
    if (map instanceof GoMap) map.entries.delete(key)
    return map
  }),
  hasKey: fn(['map', 'string'], (map, key) => mapGet(map, key) !== undefined),
  pluck: fn(['string', '...map'], (key, ...maps) =>
    maps.map(map => mapGet(map, key)).filter(value => value !== undefined),
  ),
  // Go's order is random; ours is sorted.
  keys: fn(['...map'], (...maps) => sliceOf('[]string', maps.flatMap(mapKeys))),
  values: fn(['map'], map => mapKeys(map).map(key => mapGet(map, key))),
  pick: fn(['map', '...string'], (map, ...keys) =>
    made(
      mapKeys(map)
        .filter(key => keys.includes(key))
        .map(key => [key, mapGet(map, key)]),
    ),
  ),
  omit: fn(['map', '...string'], (map, ...keys) =>
    made(
      mapKeys(map)
        .filter(key => !keys.includes(key))
        .map(key => [key, mapGet(map, key)]),
    ),
  ),
  merge: merge(false),
  mustMerge: merge(false),
  mergeOverwrite: merge(true),
  mustMergeOverwrite: merge(true),
  deepCopy: fn(['any'], deepCopy),
  mustDeepCopy: fn(['any'], deepCopy),
  dig: fn(['...any'], dig),

  default: fn(['any', '...any'], (fallback, ...given) => (empty(given[0]) ? fallback : given[0])),
  empty: fn(['any'], empty),
  coalesce: fn(['...any'], (...values) => values.find(value => !empty(value)) ?? null),
  all: fn(['...any'], (...values) => values.every(value => !empty(value))),
  any: fn(['...any'], (...values) => values.some(value => !empty(value))),
  ternary: fn(['any', 'any', 'bool'], (yes, no, condition) => (condition ? yes : no)),
  fail: fn(['string'], () => {
    // The text may hold data of the session; the error must not.
    throw new Fault('the template called fail')
  }),

  typeOf: fn(['any'], typeName),
  typeIs: fn(['string', 'any'], (name, value) => name === typeName(value)),
  typeIsLike: fn(['string', 'any'], (name, value) => [name, `*${name}`].includes(typeName(value))),
  kindOf: fn(['any'], kindName),
  kindIs: fn(['string', 'any'], (name, value) => name === kindName(value)),
  deepEqual: fn(['any', 'any'], deepEqual),

  toJson: fn(['any'], value => orEmpty(() => toJson(value))),
  mustToJson: fn(['any'], value => toJson(value)),
  toPrettyJson: fn(['any'], value => orEmpty(() => toJson(value, { indent: true }))),
  mustToPrettyJson: fn(['any'], value => toJson(value, { indent: true })),
  toRawJson: rawJson,
  mustToRawJson: rawJson,
  fromJson: fn(['string'], text => {
    try {
      return fromJson(text)
    } catch (error) {
      if (error instanceof Fault && error.message === 'invalid JSON') return null
      throw error
    }
  }),
  mustFromJson: fn(['string'], fromJson),
}
