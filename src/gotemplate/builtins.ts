/** lib/template_functions — the functions of Go's text/template itself, and Oathkeeper's `print` and `printIndex`. Knows nothing of access control. */
import { byteLength, Fault, isPrintable, queryEscape, toByteString } from '../golang/index.ts'
import { printValue, sprint, sprintAll, sprintf } from './values/format.ts'
import { type FunctionTable, fn } from './values/signature.ts'
import {
  compareText,
  GoMap,
  GoStruct,
  Int,
  int,
  isMap,
  isSlice,
  mapGet,
  mapSize,
  mapZero,
  Slice,
  truth,
  typeName,
  UINT8,
  type Value,
} from './values/value.ts'

/** Without `and` and `or`, which do not evaluate all their arguments: the executor knows them. */
export const BUILTINS: FunctionTable = {
  not: fn(['any'], value => !truth(value)),
  len: fn(['any'], length),
  index: fn(['any', '...any'], index),
  call: fn(['any', '...any'], value => {
    throw new Fault(value == null ? 'call of nil' : `non-function of type ${typeName(value)}`)
  }),

  eq: fn(['any', '...any'], equalsAny),
  ne: fn(['any', 'any'], (a, b) => !equals(a, b)),
  lt: fn(['any', 'any'], (a, b) => less(a, b)),
  le: fn(['any', 'any'], (a, b) => less(a, b) || equals(a, b)),
  gt: fn(['any', 'any'], (a, b) => !(less(a, b) || equals(a, b))),
  ge: fn(['any', 'any'], (a, b) => !less(a, b)),

  // Oathkeeper's: one argument, nothing for nil (spec 6.0).
  print: fn(['any'], value => (value == null ? '' : sprint(value))),
  printIndex: fn(['any', 'int'], (list, i) => {
    if (!isSlice(list) || i >= list.length) return ''
    if (i < 0) throw new Fault('printIndex: index out of range')
    return sprint(list[i] ?? null)
  }),
  printf: fn(['string', '...any'], (pattern, ...values) => sprintf(pattern, values)),
  println: fn(['...any'], (...values) => `${values.map(sprint).join(' ')}\n`),

  html: fn(['...any'], (...values) =>
    joinArguments(values).replace(/[\0"'&<>]/g, char => HTML[char] as string),
  ),
  js: fn(['...any'], (...values) => escapeJs(joinArguments(values))),
  urlquery: fn(['...any'], (...values) => queryEscape(joinArguments(values))),
}

const HTML: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}

const joinArguments = (values: readonly Value[]): string =>
  values.length === 1 && typeof values[0] === 'string'
    ? values[0]
    : sprintAll(values.map(printableArgument), values)

/** Pointers print as what they point to, nil as `<no value>`. */
const printableArgument = (value: Value): Value =>
  value == null ? '<no value>' : value instanceof GoStruct && value.type.pointer ? printValue(value) : value

const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
}
function escapeJs(text: string): string {
  let out = ''
  for (const char of text) {
    const code = char.codePointAt(0) as number
    const known = JS[char]
    if (known !== undefined) out += known
    else if (code < 0x20) out += `\\u00${code.toString(16).toUpperCase().padStart(2, '0')}`
    else if (code < 0x80 || isPrintable(char)) out += char
    else out += `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`
  }
  return out
}

function length(value: Value): Value {
  if (typeof value === 'string') return int(byteLength(value))
  if (isSlice(value)) return int(value.length)
  if (isMap(value)) return int(mapSize(value))
  throw new Fault(value === null ? 'len of nil pointer' : `len of type ${typeName(value)}`)
}

function index(start: Value, ...keys: Value[]): Value {
  let item = start
  if (item == null) throw new Fault('index of untyped nil')
  for (const key of keys) {
    if (item == null) throw new Fault('index of nil pointer')
    if (typeof item === 'string') {
      const bytes: string = toByteString(item)
      const at = position(key, bytes.length)
      if (at >= bytes.length) throw new Fault(`index out of range: ${at}`)
      item = new Int(UINT8, BigInt(bytes.charCodeAt(at)))
    } else if (isSlice(item)) {
      const at = position(key, item.length)
      if (at >= item.length) throw new Fault(`index out of range: ${at}`)
      item = item[at] ?? null
    } else if (isMap(item)) {
      if (typeof key !== 'string') {
        throw new Fault(
          key == null
            ? 'value is nil; should be string'
            : `value has type ${typeName(key)}; should be string`,
        )
      }
      item = mapGet(item, key) ?? mapZero(item)
    } else throw new Fault(`can't index item of type ${typeName(item)}`)
  }
  return item
}

function position(key: Value, capacity: number): number {
  if (!(key instanceof Int)) {
    throw new Fault(`cannot index slice/array with ${key == null ? 'nil' : `type ${typeName(key)}`}`)
  }
  const at = Number(key.n)
  if (at < 0 || at > capacity) throw new Fault(`index out of range: ${at}`)
  return at
}

type Basic = 'bool' | 'int' | 'float' | 'string'
function basicKind(value: Value): Basic | undefined {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'number':
      return 'float'
    case 'string':
      return 'string'
  }
  return value instanceof Int ? 'int' : undefined
}

const isNil = (value: Value): boolean =>
  value == null ||
  ((value instanceof Slice || value instanceof GoStruct || value instanceof GoMap) && value.nil)

function equals(a: Value, b: Value): boolean {
  const kind = basicKind(a)
  if (kind !== basicKind(b)) {
    if (a == null || b == null) return false
    throw new Fault(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`)
  }
  if (kind === 'int') return (a as Int).n === (b as Int).n
  if (kind !== undefined) return a === b
  if (isNil(a) || isNil(b)) {
    if (a != null && b != null && isSlice(a) !== isSlice(b)) throw incomparable(b)
    return isNil(a) === isNil(b)
  }
  if (a instanceof GoStruct && b instanceof GoStruct) {
    if (a.type.pointer || b.type.pointer) return a === b
    return a.type === b.type && (a.type.equal?.(a.self, b.self) ?? a.self === b.self)
  }
  throw incomparable(b)
}
const incomparable = (value: Value): Fault => new Fault(`non-comparable type ${typeName(value)}`)

function equalsAny(a: Value, ...others: Value[]): boolean {
  if (others.length === 0) throw new Fault('missing argument for comparison')
  return others.some(other => equals(a, other))
}

function less(a: Value, b: Value): boolean {
  const kind = basicKind(a)
  if (kind === undefined || basicKind(b) === undefined) throw new Fault('invalid type for comparison')
  if (kind !== basicKind(b)) {
    throw new Fault(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`)
  }
  switch (kind) {
    case 'bool':
      throw new Fault('invalid type for comparison')
    case 'int':
      return (a as Int).n < (b as Int).n
    case 'float':
      return (a as number) < (b as number)
    case 'string':
      return compareText(a as string, b as string) < 0
  }
}
