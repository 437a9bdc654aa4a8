/** lib/template_value — the values that Go's templates know, as JavaScript values. Knows nothing of access control. */
import { GoError } from '../../golang/index.ts'

/**
 * A Go value. JSON comes as it is parsed: `number` is a float64, an array is `[]interface {}`, a plain object is
 * `map[string]interface {}` (own properties only, H3). `null` is a nil interface, `undefined` is no value at all: Go's
 * templates treat a member of the former as an error and a member of the latter as missing.
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

/** A whole number of one of Go's integer types; arithmetic wraps as there. */
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

/** A slice whose elements have a type of their own, or the nil slice. A plain array is `[]interface {}`. */
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
  /** What a missing key gives (option missingkey=zero). */
  readonly zero: GoValue
  readonly methods: GoMethods<GoMap>
}
export const ANY_MAP: MapType = { name: 'map[string]interface {}', zero: null, methods: new Map() }

/** A map that is not JSON: typed, with methods, made by a function, or read only when it is asked for. */
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

/** A field of a struct: `json` is its name in JSON. */
export interface StructField<T> {
  readonly json: string
  get(self: T): GoValue
}
/** A method; `run` is missing where Go's has no result a template could use, which is an error when it is called. */
export interface GoMethod<T> {
  readonly signature: Signature
  run?(self: T, args: readonly unknown[]): GoValue
}
export type GoMethods<T> = ReadonlyMap<string, GoMethod<T>>

/** The description of a struct type: fields and methods are computed when a template touches them. */
export interface StructType<T = never> {
  readonly name: string
  /** The value is a pointer to the struct. */
  readonly pointer: boolean
  readonly fields: ReadonlyMap<string, StructField<T>>
  readonly methods: GoMethods<T>
  /** Go's `String()`. */
  text?(self: T): string
  /** Go's `MarshalJSON()`, as the text that it would have. */
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
/** A value of a described struct type. */
export const goStruct = <T>(type: StructType<T>, self: T): GoStruct =>
  new GoStruct(type as StructType<unknown>, self)

export const isSlice = (value: GoValue): value is readonly GoValue[] => Array.isArray(value)
export const isMap = (value: GoValue): value is AnyMap =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof GoInt) &&
  !(value instanceof GoStruct)

/** A key's value; `undefined` where the map has no such key. */
export function mapGet(map: AnyMap, key: string): GoValue {
  if (map instanceof GoMap) return map.entries.get(key)
  return Object.hasOwn(map, key) ? (map[key] ?? null) : undefined
}
export function mapSize(map: AnyMap): number {
  return map instanceof GoMap ? map.entries.size : Object.keys(map).length
}
/** Keys in Go's order: by bytes. */
export function mapKeys(map: AnyMap): string[] {
  return (map instanceof GoMap ? [...map.entries.keys()] : Object.keys(map)).sort(compareStrings)
}
export const mapZero = (map: AnyMap): GoValue => (map instanceof GoMap ? map.type.zero : null)

/** Order of the UTF-8 bytes of two texts: code points, not UTF-16 units. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return byCodePoint(x) - byCodePoint(y)
  }
  return a.length - b.length
}
/** Moves surrogates above the rest of the plane. */
const byCodePoint = (unit: number): number =>
  unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit

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

/** Go's `reflect.Kind`. */
export function kindName(value: GoValue): string {
  if (value === null || value === undefined) return 'invalid'
  if (typeof value !== 'object') return typeName(value)
  if (value instanceof GoInt) return value.type.kind
  if (value instanceof GoStruct) return value.type.pointer ? 'ptr' : 'struct'
  return isSlice(value) ? 'slice' : 'map'
}

/** Whether a value is "not the zero of its type", as `if` sees it. */
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

/** `value.name` without arguments for what has no methods; `undefined` as receiver stays missing. */
export function missingFieldError(value: GoValue, name: string): GoError {
  if (value === null) return new GoError(`nil pointer evaluating interface {}.${name}`)
  return new GoError(`can't evaluate field ${name} in type ${typeName(value)}`)
}

/** What a parameter of each type gives to the function. */
export interface ParameterTypes {
  /** `interface {}` or `reflect.Value`: anything; a nil interface and no value are both `null`. */
  any: GoValue
  string: string
  bool: boolean
  int: number
  int64: bigint
  float64: number
  /** `map[string]interface {}`, a nil one included. */
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
