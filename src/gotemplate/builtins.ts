/** The built-in functions of Go's text/template, and Oathkeeper's own `print` and `printIndex`. */
import {
  byteLength,
  compareStrings,
  GoError,
  isPrintable,
  queryEscape,
  toByteString,
} from '../golang/index.ts'
import { printValue, sprint, sprintAll, sprintf } from './values/format.ts'
import { type FunctionTable, goFunc } from './values/signature.ts'
import {
  GoInt,
  GoMap,
  GoSlice,
  GoStruct,
  type GoValue,
  goInt,
  isMap,
  isSlice,
  isTruthy,
  mapGet,
  mapSize,
  mapZero,
  typeName,
  UINT8,
} from './values/value.ts'

/** Without `and` and `or`: they do not evaluate all arguments, so the evaluator implements them. */
export const BUILTINS: FunctionTable = {
  not: goFunc(['any'], value => !isTruthy(value)),
  len: goFunc(['any'], length),
  index: goFunc(['any', '...any'], index),
  call: goFunc(['any', '...any'], value => {
    throw new GoError(value == null ? 'call of nil' : `non-function of type ${typeName(value)}`)
  }),

  eq: goFunc(['any', '...any'], equalsAny),
  ne: goFunc(['any', 'any'], (a, b) => !equals(a, b)),
  lt: goFunc(['any', 'any'], (a, b) => less(a, b)),
  le: goFunc(['any', 'any'], (a, b) => less(a, b) || equals(a, b)),
  gt: goFunc(['any', 'any'], (a, b) => !(less(a, b) || equals(a, b))),
  ge: goFunc(['any', 'any'], (a, b) => !less(a, b)),

  // Oathkeeper replaces Go's `print`: it takes one argument, and nil prints nothing.
  print: goFunc(['any'], value => (value == null ? '' : sprint(value))),
  printIndex: goFunc(['any', 'int'], (list, i) => {
    if (!isSlice(list) || i >= list.length) return ''
    if (i < 0) throw new GoError('printIndex: index out of range')
    return sprint(list[i] ?? null)
  }),
  printf: goFunc(['string', '...any'], (pattern, ...values) => sprintf(pattern, values)),
  println: goFunc(['...any'], (...values) => `${values.map(sprint).join(' ')}\n`),

  html: goFunc(['...any'], (...values) =>
    joinArguments(values).replace(/[\0"'&<>]/g, char => HTML_ESCAPES[char] as string),
  ),
  js: goFunc(['...any'], (...values) => escapeJs(joinArguments(values))),
  urlquery: goFunc(['...any'], (...values) => queryEscape(joinArguments(values))),
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}

const joinArguments = (values: readonly GoValue[]): string =>
  values.length === 1 && typeof values[0] === 'string'
    ? values[0]
    : sprintAll(values.map(printableArgument), values)

/** Dereferences pointers; nil prints as `<no value>`. */
const printableArgument = (value: GoValue): GoValue =>
  value == null ? '<no value>' : value instanceof GoStruct && value.type.pointer ? printValue(value) : value

const JS_ESCAPES: Readonly<Record<string, string>> = {
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
    const known = JS_ESCAPES[char]
    if (known !== undefined) out += known
    else if (code < 0x20) out += `\\u00${code.toString(16).toUpperCase().padStart(2, '0')}`
    else if (code < 0x80 || isPrintable(char)) out += char
    else out += `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`
  }
  return out
}

function length(value: GoValue): GoValue {
  if (typeof value === 'string') return goInt(byteLength(value))
  if (isSlice(value)) return goInt(value.length)
  if (isMap(value)) return goInt(mapSize(value))
  throw new GoError(value === null ? 'len of nil pointer' : `len of type ${typeName(value)}`)
}

function index(start: GoValue, ...keys: GoValue[]): GoValue {
  let item = start
  if (item == null) throw new GoError('index of untyped nil')
  for (const key of keys) {
    if (item == null) throw new GoError('index of nil pointer')
    if (typeof item === 'string') {
      const bytes: string = toByteString(item)
      const at = checkedIndex(key, bytes.length)
      if (at >= bytes.length) throw new GoError(`index out of range: ${at}`)
      item = new GoInt(UINT8, BigInt(bytes.charCodeAt(at)))
    } else if (isSlice(item)) {
      const at = checkedIndex(key, item.length)
      if (at >= item.length) throw new GoError(`index out of range: ${at}`)
      item = item[at] ?? null
    } else if (isMap(item)) {
      if (typeof key !== 'string') {
        throw new GoError(
          key == null
            ? 'value is nil; should be string'
            : `value has type ${typeName(key)}; should be string`,
        )
      }
      item = mapGet(item, key) ?? mapZero(item)
    } else throw new GoError(`can't index item of type ${typeName(item)}`)
  }
  return item
}

function checkedIndex(key: GoValue, capacity: number): number {
  if (!(key instanceof GoInt)) {
    throw new GoError(`cannot index slice/array with ${key == null ? 'nil' : `type ${typeName(key)}`}`)
  }
  const at = Number(key.n)
  if (at < 0 || at > capacity) throw new GoError(`index out of range: ${at}`)
  return at
}

type BasicKind = 'bool' | 'int' | 'float' | 'string'
function basicKind(value: GoValue): BasicKind | undefined {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'number':
      return 'float'
    case 'string':
      return 'string'
  }
  return value instanceof GoInt ? 'int' : undefined
}

const isNil = (value: GoValue): boolean =>
  value == null ||
  ((value instanceof GoSlice || value instanceof GoStruct || value instanceof GoMap) && value.nil)

function equals(a: GoValue, b: GoValue): boolean {
  const kind = basicKind(a)
  if (kind !== basicKind(b)) {
    if (a == null || b == null) return false
    throw new GoError(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`)
  }
  if (kind === 'int') return (a as GoInt).n === (b as GoInt).n
  if (kind !== undefined) return a === b
  if (isNil(a) || isNil(b)) {
    if (a != null && b != null && isSlice(a) !== isSlice(b)) throw incomparableError(b)
    return isNil(a) === isNil(b)
  }
  if (a instanceof GoStruct && b instanceof GoStruct) {
    if (a.type.pointer || b.type.pointer) return a === b
    return a.type === b.type && (a.type.equal?.(a.self, b.self) ?? a.self === b.self)
  }
  throw incomparableError(b)
}
const incomparableError = (value: GoValue): GoError => new GoError(`non-comparable type ${typeName(value)}`)

function equalsAny(a: GoValue, ...others: GoValue[]): boolean {
  if (others.length === 0) throw new GoError('missing argument for comparison')
  return others.some(other => equals(a, other))
}

function less(a: GoValue, b: GoValue): boolean {
  const kind = basicKind(a)
  if (kind === undefined || basicKind(b) === undefined) throw new GoError('invalid type for comparison')
  if (kind !== basicKind(b)) {
    throw new GoError(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`)
  }
  switch (kind) {
    case 'bool':
      throw new GoError('invalid type for comparison')
    case 'int':
      return (a as GoInt).n < (b as GoInt).n
    case 'float':
      return (a as number) < (b as number)
    case 'string':
      return compareStrings(a as string, b as string) < 0
  }
}
