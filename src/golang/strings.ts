/** lib/template_text — Go's strings are bytes: quoting, unquoting, cutting between bytes. Knows nothing of templates. */
import { isUtf8 } from 'node:buffer'

/*
 * A byte that is not part of valid UTF-8 is kept as a lone low surrogate (U+DC00 + byte), so that a text that a function
 * cut in the middle of a character can be put together again. `toWellFormed` at the end makes U+FFFD of what is left.
 */

/** The UTF-8 bytes of a text. */
export function stringToBytes(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8')
  const parts = text.split(/([\udc80-\udcff])/u)
  return Buffer.concat(
    parts.map((part, i) => (i % 2 === 0 ? Buffer.from(part, 'utf8') : Buffer.of(part.charCodeAt(0) & 0xff))),
  )
}

/** The text of bytes that may not be valid UTF-8. */
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

/** A string with one unit a byte, for functions that count and cut bytes; `fromByteString` is the way back. */
export const toByteString = (text: string): string => stringToBytes(text).toString('latin1')
export const fromByteString = (bytes: string): string => bytesToString(Buffer.from(bytes, 'latin1'))

/** Length in bytes, as Go's `len`. */
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

/** Go's `strconv.Quote`, or with `'` as quote `QuoteRune`; `ascii` writes everything else as an escape. */
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

/** Go's `strconv.Unquote` of what stands between double quotes (or single ones); `undefined` if it is malformed. */
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
      // In a character constant it is a code point, in a string a byte.
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
