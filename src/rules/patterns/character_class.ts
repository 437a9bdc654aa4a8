/** Translates character classes and escapes of Oathkeeper's regular expressions (regexp2) into JavaScript. */
import { escapeSource, PatternError } from './syntax.ts'

/** The characters of `\w` in regexp2. It includes the zero-width joiners, unlike `\w` of JavaScript. */
export const WORD_CLASS = '\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\u{200c}\\u{200d}'

/** Shorthand classes, which include all of Unicode in regexp2: contents of a class for the `v` flag. */
const SHORTHAND_CLASSES: ReadonlyMap<string, string> = new Map([
  ['d', '\\p{Nd}'],
  ['w', WORD_CLASS],
  ['s', '\\p{White_Space}'],
])

const POSIX_CLASSES: ReadonlyMap<string, string> = new Map([
  ['alnum', '0-9A-Za-z'],
  ['alpha', 'A-Za-z'],
  ['ascii', '\\x00-\\x7f'],
  ['blank', '\\t\\x20'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  // In regexp2, [:digit:] and [:space:] are not limited to ASCII.
  ['digit', '\\p{Nd}'],
  ['graph', '\\x21-\\x7e'],
  ['lower', 'a-z'],
  ['print', '\\x20-\\x7e'],
  ['punct', '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e'],
  ['space', '\\s'],
  ['upper', 'A-Z'],
  ['word', '0-9A-Za-z_'],
  ['xdigit', '0-9A-Fa-f'],
])

const CONTROL_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['e', '\x1b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
])

/** A reading position in the text of a fragment. */
export interface Cursor {
  readonly text: string
  at: number
  /** 0-based offset of the fragment in the pattern. */
  readonly column: number
}

/** Throws a `PatternError` that points at the cursor. */
export const failAt = (cursor: Cursor, message: string, hint = ''): never => {
  throw new PatternError(message, cursor.column + Math.min(cursor.at, cursor.text.length), hint)
}

/** Returns the next code point and advances the cursor past it. */
export function nextCharacter(cursor: Cursor): string {
  const code = cursor.text.codePointAt(cursor.at)
  if (code === undefined) return failAt(cursor, 'the fragment ends too early')
  const char = String.fromCodePoint(code)
  cursor.at += char.length
  return char
}

/** The contents of a class for `\d`, `\w`, `\s` and their negations; `undefined` for any other letter after the backslash. */
export function shorthandClass(letter: string): string | undefined {
  const set = SHORTHAND_CLASSES.get(letter.toLowerCase())
  if (set === undefined) return undefined
  return letter === letter.toLowerCase() ? set : `[^${set}]`
}

/** Translates `\p{Greek}`; the cursor is after the `p`. regexp2 and JavaScript have the same names of categories and scripts. */
export function unicodeProperty(cursor: Cursor, letter: string): string {
  const named = /^\{(\^?)(\w+)\}/.exec(cursor.text.slice(cursor.at))
  if (named === null) return failAt(cursor, `\\${letter} needs a name in braces`, 'write \\p{L}')
  const [all, negation, name] = named as unknown as [string, string, string]
  const sign = (letter === 'P') === (negation === '') ? 'P' : 'p'
  for (const form of [`${sign}{${name}}`, `${sign}{Script=${name}}`]) {
    try {
      new RegExp(`\\${form}`, 'v')
      cursor.at += all.length
      return `\\${form}`
    } catch {}
  }
  return failAt(cursor, `unknown Unicode class "${name}"`, 'use a category (L, Lu, Nd) or a script (Greek)')
}

/** The character of an escape; the cursor is after the backslash. */
export function escapedCharacter(cursor: Cursor): string {
  const rest = cursor.text.slice(cursor.at)
  const hex = /^(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(rest)
  if (hex !== null) {
    const code = Number.parseInt((hex[1] ?? hex[2] ?? hex[3]) as string, 16)
    if (code > 0x10ffff) failAt(cursor, 'no such character')
    cursor.at += hex[0].length
    return String.fromCodePoint(code)
  }
  if (rest[0] === '0') {
    const octal = /^0[0-7]{2}/.exec(rest)
    // With fewer digits, regexp2 consumes characters that follow the escape.
    if (octal === null) return failAt(cursor, '"\\0" needs two more digits', 'write \\x00')
    cursor.at += octal[0].length
    return String.fromCharCode(Number.parseInt(octal[0], 8))
  }
  const caret = /^c([@-_a-z])/.exec(rest)
  if (caret !== null) {
    cursor.at += 2
    return String.fromCharCode((caret[1] as string).toUpperCase().charCodeAt(0) - 64)
  }
  const letter = nextCharacter(cursor)
  const control = CONTROL_ESCAPES.get(letter)
  if (control !== undefined) return control
  if (/[\p{L}\p{Nd}_]/u.test(letter)) {
    cursor.at -= letter.length
    return failAt(cursor, `"\\${letter}" is not an escape`)
  }
  return letter
}

/** Translates a class, with subtraction and POSIX names; the cursor is after `[`. Returns a class in brackets. */
export function translateClass(cursor: Cursor): string {
  const { text } = cursor
  const isNegated = text[cursor.at] === '^'
  if (isNegated) cursor.at++
  let members = ''
  let subtracted = ''
  let rangeStart: string | undefined
  const subtract = (): void => {
    subtracted = translateClass(cursor)
    if (text[cursor.at] !== ']') failAt(cursor, 'a subtraction must end its class')
  }
  for (let first = true; ; first = false) {
    if (cursor.at >= text.length) failAt(cursor, 'the class is not closed')
    let escaped = false
    let char = nextCharacter(cursor)
    if (char === ']' && !first) break
    if (char === '\\' && cursor.at < text.length) {
      const letter = text[cursor.at] as string
      const set = /[pP]/.test(letter) ? '' : shorthandClass(letter)
      if (set !== undefined) {
        if (rangeStart !== undefined) failAt(cursor, `"\\${letter}" cannot end a range`)
        cursor.at++
        members += set === '' ? unicodeProperty(cursor, letter) : set
        continue
      }
      char = escapedCharacter(cursor)
      escaped = true
      if (char === '-' && rangeStart === undefined) {
        members += escapeSource(char)
        continue
      }
    } else if (char === '[' && rangeStart === undefined && text[cursor.at] === ':') {
      const posix = /^:(\^?)(\w*):\]/.exec(text.slice(cursor.at))
      if (posix !== null) {
        const set = POSIX_CLASSES.get(posix[2] as string)
        if (set === undefined) failAt(cursor, `unknown class "[:${posix[2]}:]"`)
        members += posix[1] === '' ? set : `[^${set}]`
        cursor.at += posix[0].length
        continue
      }
    }
    if (rangeStart !== undefined) {
      if (char === '[' && !escaped) {
        members += escapeSource(rangeStart)
        rangeStart = undefined
        subtract()
        continue
      }
      if ((rangeStart.codePointAt(0) as number) > (char.codePointAt(0) as number)) {
        failAt(cursor, `the range "${rangeStart}-${char}" is reversed`)
      }
      members += `${escapeSource(rangeStart)}-${escapeSource(char)}`
      rangeStart = undefined
    } else if (text[cursor.at] === '-' && cursor.at + 1 < text.length && text[cursor.at + 1] !== ']') {
      // `-[` after a character starts a subtraction; it is recognized when the end of the range is read.
      rangeStart = char
      cursor.at++
    } else if (char === '-' && !escaped && !first && text[cursor.at] === '[') {
      cursor.at++
      subtract()
    } else {
      members += escapeSource(char)
    }
  }
  const set = isNegated ? `[^${members}]` : `[${members}]`
  return subtracted === '' ? set : `[${set}--${subtracted}]`
}
