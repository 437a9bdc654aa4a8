/** JSON encoding and decoding of template values, as in Go's encoding/json. */
import { assertTextLength, consumeSteps, GoError, parseUnboundedJson } from '../../golang/index.ts'
import {
  ANY_MAP,
  type AnyMap,
  GoInt,
  GoMap,
  GoSlice,
  GoStruct,
  type GoValue,
  isSlice,
  mapGet,
  mapKeys,
} from './value.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
}
const ESCAPED = /[\p{Cc}"\\\u2028\u2029]/gu
const ESCAPED_FOR_HTML = /[\p{Cc}"\\\u2028\u2029<>&]/gu

/** Encodes a string; a byte that is not part of a character becomes `\ufffd`. */
export function quoteJsonString(text: string, html: boolean): string {
  if (!text.isWellFormed()) {
    const chars = Array.from(text, char => (char.isWellFormed() ? escapeJson(char, html) : '\\ufffd'))
    return `"${chars.join('')}"`
  }
  return `"${escapeJson(text, html)}"`
}
const escapeJson = (text: string, html: boolean): string =>
  text.replace(html ? ESCAPED_FOR_HTML : ESCAPED, char => {
    const code = char.charCodeAt(0)
    return ESCAPES[char] ?? (code < 0x20 ? `\\u${code.toString(16).padStart(4, '0')}` : char)
  })

function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) throw new GoError('json: unsupported value')
  return Object.is(value, -0) ? '-0' : String(value)
}

/** Go's `json.Marshal`, or with `indent` `MarshalIndent` with two spaces. `html` escapes `<`, `>` and `&`. */
export function marshalJson(value: GoValue, { html = true, indent = false } = {}): string {
  const write = (one: GoValue, margin: string): string => {
    consumeSteps(1)
    switch (typeof one) {
      case 'boolean':
        return String(one)
      case 'number':
        return jsonNumber(one)
      case 'string':
        return quoteJsonString(one, html)
    }
    if (one === null || one === undefined) return 'null'
    if (one instanceof GoInt) return one.n.toString()
    if (one instanceof GoStruct) {
      if (one.nil) return 'null'
      const { json, fields } = one.type
      if (json !== undefined) return json(one.self)
      const members = [...fields.values()].map(field => [field.json, field.get(one.self as never)] as const)
      return object(members, margin)
    }
    if (isSlice(one)) {
      if (one instanceof GoSlice && one.nil) return 'null'
      return wrap('[', ']', one, margin, (item, inner) => write(item ?? null, inner))
    }
    if (one instanceof GoMap && one.nil) return 'null'
    return object(
      mapKeys(one).map(key => [key, mapGet(one, key)] as const),
      margin,
    )
  }
  const object = (members: readonly (readonly [string, GoValue])[], margin: string): string =>
    wrap('{', '}', members, margin, ([key, member], inner) => {
      const text = write(member, inner)
      return `${quoteJsonString(key, html)}:${indent ? ' ' : ''}${text}`
    })
  const wrap = <T>(
    open: string,
    close: string,
    items: readonly T[],
    margin: string,
    each: (item: T, inner: string) => string,
  ): string => {
    if (items.length === 0) return open + close
    const inner = indent ? `${margin}  ` : ''
    let out = open
    items.forEach((item, i) => {
      out += (i > 0 ? ',' : '') + (indent ? `\n${inner}` : '') + each(item, inner)
      assertTextLength(out.length)
    })
    return out + (indent ? `\n${margin}` : '') + close
  }
  return write(value, '')
}

/** Go's `json.Unmarshal` into an `interface {}`. The maps are new, so a template may change them. Throws a `GoError`. */
export function unmarshalJson(text: string): GoValue {
  const parsed = parseUnboundedJson(text)
  if (parsed === undefined) throw new GoError('invalid JSON')
  return mutableCopy(parsed, new Map())
}

/** Copies JSON, so that a template may change it. `copies` ensures a single copy of each object. */
export function mutableCopy(value: GoValue, copies: Map<object, GoValue>): GoValue {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof GoInt || value instanceof GoStruct || value instanceof GoMap) return value
  const existing = copies.get(value)
  if (existing !== undefined) return existing
  consumeSteps(1)
  if (isSlice(value)) {
    if (value instanceof GoSlice) return value
    const copy = value.map(item => mutableCopy(item, copies))
    copies.set(value, copy)
    return copy
  }
  const copy = copyMap(value, item => mutableCopy(item, copies))
  copies.set(value, copy)
  return copy
}

/** A new `map[string]interface {}` with the same keys and converted values. */
export const copyMap = (map: AnyMap, each: (value: GoValue) => GoValue): GoMap =>
  new GoMap(ANY_MAP, new Map(mapKeys(map).map(key => [key, each(mapGet(map, key))])))
