/** rules/pattern_class — character classes of Oathkeeper's engine as JavaScript ones (spec 2.4). Knows no groups. */
import { PatternFault, quote } from './syntax.ts'

/** What `\w` takes and `\b` stands beside: the joiners too, which are invisible in a word. */
export const WORD = '\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}\\u{200c}\\u{200d}'

/** Unicode-aware shorthand classes, as insides of a class for the `v` flag. */
const SHORTHAND: ReadonlyMap<string, string> = new Map([
  ['d', '\\p{Nd}'],
  ['w', WORD],
  ['s', '\\p{White_Space}'],
])

const POSIX: ReadonlyMap<string, string> = new Map([
  ['alnum', '0-9A-Za-z'],
  ['alpha', 'A-Za-z'],
  ['ascii', '\\x00-\\x7f'],
  ['blank', '\\t\\x20'],
  ['cntrl', '\\x00-\\x1f\\x7f'],
  // Two of them are no more ASCII than \d and JavaScript's \s are.
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

const CONTROLS: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['e', '\x1b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
])

/** A place in a fragment's text. */
export interface Cursor {
  readonly text: string
  at: number
  /** Place of the fragment in the pattern. */
  readonly column: number
}

export const fail = (cursor: Cursor, message: string, hint = ''): never => {
  throw new PatternFault(message, cursor.column + Math.min(cursor.at, cursor.text.length), hint)
}

/** One code point, and past it. */
export function next(cursor: Cursor): string {
  const code = cursor.text.codePointAt(cursor.at)
  if (code === undefined) return fail(cursor, 'the fragment ends too early')
  const char = String.fromCodePoint(code)
  cursor.at += char.length
  return char
}

/** `\d` and its like after the backslash, as inside of a class; `undefined` where the letter means something else. */
export function shorthand(letter: string): string | undefined {
  const set = SHORTHAND.get(letter.toLowerCase())
  if (set === undefined) return undefined
  return letter === letter.toLowerCase() ? set : `[^${set}]`
}

/** `\p{Greek}` after the `p`: Go's names of categories and scripts are JavaScript's too. */
export function property(cursor: Cursor, letter: string): string {
  const named = /^\{(\^?)(\w+)\}/.exec(cursor.text.slice(cursor.at))
  if (named === null) return fail(cursor, `\\${letter} needs a name in braces`, 'write \\p{L}')
  const [all, not, name] = named as unknown as [string, string, string]
  const sign = (letter === 'P') === (not === '') ? 'P' : 'p'
  for (const form of [`${sign}{${name}}`, `${sign}{Script=${name}}`]) {
    try {
      new RegExp(`\\${form}`, 'v')
      cursor.at += all.length
      return `\\${form}`
    } catch {}
  }
  return fail(
    cursor,
    `unknown Unicode class "${name}"`,
    'categories (L, Lu, Nd) and scripts (Greek) are known',
  )
}

/** The character that an escape after the backslash stands for. */
export function escapedChar(cursor: Cursor): string {
  const rest = cursor.text.slice(cursor.at)
  const hex = /^(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(rest)
  if (hex !== null) {
    const code = Number.parseInt((hex[1] ?? hex[2] ?? hex[3]) as string, 16)
    if (code > 0x10ffff) fail(cursor, 'no such character')
    cursor.at += hex[0].length
    return String.fromCodePoint(code)
  }
  if (rest[0] === '0') {
    const octal = /^0[0-7]{2}/.exec(rest)
    // With fewer digits, Oathkeeper's engine reads on into what follows.
    if (octal === null) return fail(cursor, '"\\0" needs two more digits', 'write \\x00')
    cursor.at += octal[0].length
    return String.fromCharCode(Number.parseInt(octal[0], 8))
  }
  const caret = /^c([@-_a-z])/.exec(rest)
  if (caret !== null) {
    cursor.at += 2
    return String.fromCharCode((caret[1] as string).toUpperCase().charCodeAt(0) - 64)
  }
  const letter = next(cursor)
  const control = CONTROLS.get(letter)
  if (control !== undefined) return control
  if (/[\p{L}\p{Nd}_]/u.test(letter)) {
    cursor.at -= letter.length
    return fail(cursor, `"\\${letter}" is not an escape`)
  }
  return letter
}

/** A class after its `[`, subtraction and POSIX names included; gives a whole class in brackets. */
export function characterClass(cursor: Cursor): string {
  const { text } = cursor
  const not = text[cursor.at] === '^'
  if (not) cursor.at++
  let inside = ''
  let subtracted = ''
  let low: string | undefined
  const subtract = (): void => {
    subtracted = characterClass(cursor)
    if (text[cursor.at] !== ']') fail(cursor, 'a subtraction must end its class')
  }
  for (let first = true; ; first = false) {
    if (cursor.at >= text.length) fail(cursor, 'the class is not closed')
    let escaped = false
    let char = next(cursor)
    if (char === ']' && !first) break
    if (char === '\\' && cursor.at < text.length) {
      const letter = text[cursor.at] as string
      const set = /[pP]/.test(letter) ? '' : shorthand(letter)
      if (set !== undefined) {
        if (low !== undefined) fail(cursor, `"\\${letter}" cannot end a range`)
        cursor.at++
        inside += set === '' ? property(cursor, letter) : set
        continue
      }
      char = escapedChar(cursor)
      escaped = true
      if (char === '-' && low === undefined) {
        inside += quote(char)
        continue
      }
    } else if (char === '[' && low === undefined && text[cursor.at] === ':') {
      const posix = /^:(\^?)(\w*):\]/.exec(text.slice(cursor.at))
      if (posix !== null) {
        const set = POSIX.get(posix[2] as string)
        if (set === undefined) fail(cursor, `unknown class "[:${posix[2]}:]"`)
        inside += posix[1] === '' ? set : `[^${set}]`
        cursor.at += posix[0].length
        continue
      }
    }
    if (low !== undefined) {
      if (char === '[' && !escaped) {
        inside += quote(low)
        low = undefined
        subtract()
        continue
      }
      if ((low.codePointAt(0) as number) > (char.codePointAt(0) as number)) {
        fail(cursor, `the range "${low}-${char}" is reversed`)
      }
      inside += `${quote(low)}-${quote(char)}`
      low = undefined
    } else if (text[cursor.at] === '-' && cursor.at + 1 < text.length && text[cursor.at + 1] !== ']') {
      // `-[` after one character is the start of a subtraction, seen when the range's end is read.
      low = char
      cursor.at++
    } else if (char === '-' && !escaped && !first && text[cursor.at] === '[') {
      cursor.at++
      subtract()
    } else {
      inside += quote(char)
    }
  }
  const set = not ? `[^${inside}]` : `[${inside}]`
  return subtracted === '' ? set : `[${set}--${subtracted}]`
}
