/** The values of Go's templates as JavaScript values. */
import { compareStrings, GoError } from '../../golang/index.ts'

/**
 * A Go value. Parsed JSON is used as it is: a `number` is a float64, an array is an `[]interface {}`, and a plain object is
 * a `map[string]interface {}` of its own properties. `null` is a nil interface and `undefined` is no value: for Go's
 * templates, a member of `null` is an error and a member of `undefined` is missing.
 */
export type GoValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | GoInt
  | GoMap
  | GoStruct
  | readonly GoValue[]
  | { readonly [key: string]: GoValue }

export interface IntType {
  readonly name: string
  readonly kind: string
  readonly unsigned?: true
  /** Go's `String()`. */
  readonly text?: (n: bigint) => string
  readonly methods?: GoMethods<bigint>
}

export const INT: IntType = { name: 'int', kind: 'int' }
export const INT64: IntType = { name: 'int64', kind: 'int64' }
export const UINT8: IntType = { name: 'uint8', kind: 'uint8', unsigned: true }
export const UINT64: IntType = { name: 'uint64', kind: 'uint64', unsigned: true }

/** An integer with its Go type; arithmetic overflows as in Go. */
export class GoInt {
  readonly type: IntType
  readonly n: bigint
  constructor(type: IntType, n: bigint) {
    this.type = type
    this.n = type.unsigned ? BigInt.asUintN(64, n) : BigInt.asIntN(64, n)
  }
}
export const goInt = (n: number | bigint): GoInt => new GoInt(INT, BigInt(n))
export const goInt64 = (n: number | bigint): GoInt => new GoInt(INT64, BigInt(n))

/** A typed slice, or the nil slice. A plain array is an `[]interface {}`. */
export class GoSlice extends Array<GoValue> {
  type = '[]interface {}'
  nil = false
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }
}
export function goSlice(type: string, items: Iterable<GoValue>): GoSlice {
  const slice = new GoSlice()
  slice.type = type
  for (const item of items) slice.push(item)
  return slice
}
export function nilSlice(type = '[]interface {}'): GoSlice {
  const slice = goSlice(type, [])
  slice.nil = true
  return Object.freeze(slice) as GoSlice
}

export interface MapType {
  readonly name: string
  /** Value of a missing key (option missingkey=zero). */
  readonly zero: GoValue
  readonly methods: GoMethods<GoMap>
}
export const ANY_MAP: MapType = { name: 'map[string]interface {}', zero: null, methods: new Map() }

/** A map that is not plain JSON: typed, with methods, created by a function, or computed on first access. */
export class GoMap {
  readonly type: MapType
  readonly nil: boolean
  #entries: Map<string, GoValue> | (() => Map<string, GoValue>)
  constructor(type: MapType, entries: Map<string, GoValue> | (() => Map<string, GoValue>), nil = false) {
    this.type = type
    this.#entries = entries
    this.nil = nil
  }
  get entries(): Map<string, GoValue> {
    if (typeof this.#entries === 'function') this.#entries = this.#entries()
    return this.#entries
  }
}
export const nilMap = (type: MapType = ANY_MAP): GoMap => new GoMap(type, new Map(), true)

export type PlainMap = { readonly [key: string]: GoValue }
export type AnyMap = PlainMap | GoMap

/** A field of a struct; `json` is its name in JSON. */
export interface StructField<T> {
  readonly json: string
  get(self: T): GoValue
}
/** A method. It has no `run` if Go's method has no result, so that a template cannot call it. */
export interface GoMethod<T> {
  readonly signature: Signature
  run?(self: T, args: readonly unknown[]): GoValue
}
export type GoMethods<T> = ReadonlyMap<string, GoMethod<T>>

/** Describes a struct type; fields and methods are evaluated when a template uses them. */
export interface StructType<T = never> {
  readonly name: string
  /** The value is a pointer to the struct. */
  readonly pointer: boolean
  readonly fields: ReadonlyMap<string, StructField<T>>
  readonly methods: GoMethods<T>
  /** Go's `String()`. */
  text?(self: T): string
  /** Go's `MarshalJSON()`; returns the JSON text. */
  json?(self: T): string
  equal?(a: T, b: T): boolean
}

export class GoStruct {
  readonly type: StructType<unknown>
  readonly self: unknown
  /** A nil pointer. */
  readonly nil: boolean
  constructor(type: StructType<unknown>, self: unknown, nil = false) {
    this.type = type
    this.self = self
    this.nil = nil
  }
}
/** Creates a struct. */
export const goStruct = <T>(type: StructType<T>, self: T): GoStruct =>
  new GoStruct(type as StructType<unknown>, self)

export const isSlice = (value: GoValue): value is readonly GoValue[] => Array.isArray(value)
export const isMap = (value: GoValue): value is AnyMap =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof GoInt) &&
  !(value instanceof GoStruct)

/** The value of a key; `undefined` if the map does not have the key. */
export function mapGet(map: AnyMap, key: string): GoValue {
  if (map instanceof GoMap) return map.entries.get(key)
  return Object.hasOwn(map, key) ? (map[key] ?? null) : undefined
}
export function mapSize(map: AnyMap): number {
  return map instanceof GoMap ? map.entries.size : Object.keys(map).length
}
/** Keys, sorted as Go sorts them when it prints or iterates over a map. */
export function mapKeys(map: AnyMap): string[] {
  return (map instanceof GoMap ? [...map.entries.keys()] : Object.keys(map)).sort(compareStrings)
}
export const mapZero = (map: AnyMap): GoValue => (map instanceof GoMap ? map.type.zero : null)

/** Go's `%T`. */
export function typeName(value: GoValue): string {
  switch (typeof value) {
    case 'undefined':
      return '<nil>'
    case 'boolean':
      return 'bool'
    case 'number':
      return 'float64'
    case 'string':
      return 'string'
  }
  if (value === null) return '<nil>'
  if (value instanceof GoInt) return value.type.name
  if (value instanceof GoStruct) return (value.type.pointer ? '*' : '') + value.type.name
  if (value instanceof GoMap) return value.type.name
  if (isSlice(value)) return value instanceof GoSlice ? value.type : '[]interface {}'
  return ANY_MAP.name
}

/** Name of Go's `reflect.Kind`. */
export function kindName(value: GoValue): string {
  if (value === null || value === undefined) return 'invalid'
  if (typeof value !== 'object') return typeName(value)
  if (value instanceof GoInt) return value.type.kind
  if (value instanceof GoStruct) return value.type.pointer ? 'ptr' : 'struct'
  return isSlice(value) ? 'slice' : 'map'
}

/** Go's `template.IsTrue`: whether `if` takes its first branch. */
export function isTruthy(value: GoValue): boolean {
  switch (typeof value) {
    case 'undefined':
      return false
    case 'boolean':
      return value
    case 'number':
      return value !== 0
    case 'string':
      return value !== ''
  }
  if (value === null) return false
  if (value instanceof GoInt) return value.n !== 0n
  if (value instanceof GoStruct) return !value.nil
  return isSlice(value) ? value.length > 0 : mapSize(value) > 0
}

/** The error for `value.name` if the value has no such field or method. */
export function missingFieldError(value: GoValue, name: string): GoError {
  if (value === null) return new GoError(`nil pointer evaluating interface {}.${name}`)
  return new GoError(`can't evaluate field ${name} in type ${typeName(value)}`)
}

/** The JavaScript type of an argument, by the Go type of its parameter. */
export interface ParameterTypes {
  /** `interface {}` or `reflect.Value`; a nil interface and no value are both `null`. */
  any: GoValue
  string: string
  bool: boolean
  int: number
  int64: bigint
  float64: number
  /** `map[string]interface {}`; may be nil. */
  map: AnyMap
  /** `time.Time`. */
  time: GoStruct
  /** `time.Duration`, in nanoseconds. */
  duration: bigint
}

export type ParameterType = keyof ParameterTypes

export type ParameterList = readonly (ParameterType | `...${ParameterType}`)[]

export interface Signature {
  readonly fixed: readonly ParameterType[]
  readonly rest: ParameterType | undefined
}
