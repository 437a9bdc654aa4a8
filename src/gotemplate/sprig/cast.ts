/** sprig's conversions between numbers, strings and lists. */
import { consumeSteps, parseFloat64, parseInt64 } from '../../golang/index.ts'
import { sprint } from '../values/format.ts'
import {
  GoInt,
  GoMap,
  GoSlice,
  GoStruct,
  type GoValue,
  goSlice,
  isMap,
  isSlice,
  mapGet,
  mapKeys,
  typeName,
} from '../values/value.ts'

const MIN_INT64 = -(1n << 63n)

/** Go's `int64(f)` on amd64: the smallest integer if the value does not fit. */
function floatToInt64(value: number): bigint {
  if (!(Math.abs(value) < 2 ** 63)) return MIN_INT64
  return BigInt(Math.trunc(value))
}

/** sprig's `int64`, which its integer arithmetic applies to all operands; 0 if the conversion fails. */
export function toInt64(value: GoValue): bigint {
  if (value instanceof GoInt) return NUMERIC_TYPES.has(value.type.name) ? BigInt.asIntN(64, value.n) : 0n
  if (typeof value === 'number') return floatToInt64(value)
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'string') return parseInt64(value.replace(/\.0+$/, '')) ?? 0n
  return 0n
}
/** Types that spf13/cast converts; `time.Duration` is not among them. */
const NUMERIC_TYPES: ReadonlySet<string> = new Set([
  'int',
  'int64',
  'uint8',
  'uint64',
  'time.Month',
  'time.Weekday',
])

/** sprig's `float64`; 0 if the conversion fails. */
export function toFloat64(value: GoValue): number {
  if (value instanceof GoInt) return NUMERIC_TYPES.has(value.type.name) ? Number(value.n) : 0
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'string') {
    const word = /^([+-]?)(inf|infinity|nan)$/i.exec(value)
    if (word === null) return parseFloat64(value) ?? 0
    if (/nan/i.test(value)) return Number.NaN
    return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  return 0
}

/** sprig's `toStrings`: the elements of a list without nil, or a single value. */
export function toStrings(value: GoValue): readonly string[] {
  if (isSlice(value)) {
    consumeSteps(value.length)
    return value.filter(item => item != null).map(sprint)
  }
  return value == null ? [] : [sprint(value)]
}

/** A Go `[]string`. */
export const stringSlice = (items: Iterable<string>): GoSlice => goSlice('[]string', items)

/** sprig's `empty`: whether a value is the zero value of its type. A struct never is. */
export function isEmpty(value: GoValue): boolean {
  switch (typeof value) {
    case 'undefined':
      return true
    case 'boolean':
      return !value
    case 'number':
      return value === 0
    case 'string':
      return value === ''
  }
  if (value === null) return true
  if (value instanceof GoInt) return value.n === 0n
  if (value instanceof GoStruct) return value.nil
  return isSlice(value) ? value.length === 0 : mapKeys(value).length === 0
}

/** Go's `reflect.DeepEqual`: also compares the types. */
export function deepEqual(a: GoValue, b: GoValue): boolean {
  consumeSteps(1)
  if (a == null || b == null) return a == null && b == null
  if (typeName(a) !== typeName(b)) return false
  if (a instanceof GoInt && b instanceof GoInt) return a.n === b.n
  if (a instanceof GoStruct && b instanceof GoStruct) {
    return a.self === b.self || (a.type.equal?.(a.self, b.self) ?? false)
  }
  if (isSlice(a) && isSlice(b)) {
    if ((a instanceof GoSlice && a.nil) !== (b instanceof GoSlice && b.nil)) return false
    return a.length === b.length && a.every((item, i) => deepEqual(item, b[i]))
  }
  if (isMap(a) && isMap(b)) {
    if ((a instanceof GoMap && a.nil) !== (b instanceof GoMap && b.nil)) return false
    const keys = mapKeys(a)
    return (
      keys.length === mapKeys(b).length &&
      keys.every(key => {
        const other = mapGet(b, key)
        return other !== undefined && deepEqual(mapGet(a, key), other)
      })
    )
  }
  return a === b
}
