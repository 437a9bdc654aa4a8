/** Go's strings, which are bytes, in JavaScript's, which are UTF-16: conversion, quoting and unquoting. */
import { isUtf8 } from 'node:buffer'

/*
 * A byte that is not part of valid UTF-8 is represented by a lone low surrogate (U+DC00 + byte). So a template may cut a
 * character in two and join the halves again. The renderer replaces remaining ones by U+FFFD at the end.
 */

/** The bytes of a Go string. */
export function stringToBytes(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8')
  const parts = text.split(/([\udc80-\udcff])/u)
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 0 ? Buffer.from(part, 'utf8') : Buffer.of(part.charCodeAt(0) & 0xff))),
  )
}

/** The Go string of bytes, which need not be valid UTF-8. */
export function bytesToString(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isUtf8(buffer)) return buffer.toString('utf8')
  let text = ''
  for (let i = 0; i < buffer.length; ) {
    const first = buffer[i] as number
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    const part = buffer.subarray(i, i + length)
    if (part.length === length && isUtf8(part)) {
      text += part.toString('utf8')
      i += length
    } else {
      text += String.fromCharCode(0xdc00 + first)
      i++
    }
  }
  return text
}

/** Converts to a string with one code unit per byte, for functions that count or cut bytes. `fromByteString` reverses it. */
export const toByteString = (text: string): string => stringToBytes(text).toString('latin1')
export const fromByteString = (bytes: string): string => bytesToString(Buffer.from(bytes, 'latin1'))

/** Length in bytes: Go's `len`. */
export const byteLength = (text: string): number =>
  text.isWellFormed() ? Buffer.byteLength(text) : stringToBytes(text).length

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
}
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

export const isPrintable = (char: string): boolean => PRINTABLE.test(char)

/** Go's `strconv.Quote`, or `QuoteRune` with the quote mark `'`. `ascii` escapes all other characters. */
export function quoteString(text: string, quoteMark = '"', ascii = false): string {
  let out = quoteMark
  for (const char of text) {
    const code = char.codePointAt(0) as number
    const short = SHORT_ESCAPES[char]
    if (char === quoteMark) out += `\\${char}`
    else if (short !== undefined) out += short
    else if (code < 0x80 ? code >= 0x20 && code !== 0x7f : !ascii && isPrintable(char)) out += char
    else if (code >= 0xdc80 && code <= 0xdcff) out += `\\x${hex(code - 0xdc00, 2)}`
    else if (code < 0x20 || code === 0x7f) out += `\\x${hex(code, 2)}`
    else if (code < 0x10000) out += `\\u${hex(code, 4)}`
    else out += `\\U${hex(code, 8)}`
  }
  return out + quoteMark
}
const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0')

const ESCAPE =
  /\\(?:([abfnrtv\\'"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]?))/g
const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** Go's `strconv.Unquote` of the text between the quote marks; `undefined` if it is malformed. */
export function unquoteString(inner: string, quoteMark: '"' | "'"): string | undefined {
  let good = true
  const text = inner.replace(ESCAPE, (_all, named, x, octal, u4, u8, _other) => {
    if (named !== undefined) {
      if (named === '"' || named === "'") good &&= named === quoteMark
      return NAMED_ESCAPES[named] ?? named
    }
    if (x !== undefined || octal !== undefined) {
      const byte = x === undefined ? Number.parseInt(octal, 8) : Number.parseInt(x, 16)
      good &&= byte < 256
      // In a character literal the escape is a code point, in a string literal a byte.
      return byte < 0x80 || quoteMark === "'" ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte)
    }
    const code = Number.parseInt(u4 ?? u8 ?? 'x', 16)
    if (!(code <= 0x10ffff) || (code >= 0xd800 && code < 0xe000)) {
      good = false
      return ''
    }
    return String.fromCodePoint(code)
  })
  if (!good || (quoteMark === '"' && /^(?:[^"\\]|\\[\s\S])*$/.test(inner) === false)) return undefined
  return text.isWellFormed() ? text : bytesToString(stringToBytes(text))
}

/** Go's `strings.Compare`: by UTF-8 bytes, which is the order of code points and not of UTF-16 code units. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return codePointOrder(x) - codePointOrder(y)
  }
  return a.length - b.length
}

/** Sorts surrogates above all other code units. */
const codePointOrder = (unit: number): number =>
  unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit
