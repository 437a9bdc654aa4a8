/** Upper, lower and title case, and white space, as in Go's strings and unicode packages. */

/** Go maps one character to one; JavaScript may map it to two (`ß` to `SS`). */
const keepSingle = (mapped: string, char: string): string =>
  mapped.length > char.length && [...mapped].length > 1 ? char : mapped
const upperChar = (char: string): string => keepSingle(char.toUpperCase(), char)
const lowerChar = (char: string): string => {
  const lower = char.toLowerCase()
  return [...lower][0] ?? lower
}

const ASCII = /^\p{ASCII}*$/u
/** Go's `strings.ToUpper`. */
export const toUpper = (text: string): string =>
  ASCII.test(text) ? text.toUpperCase() : [...text].map(upperChar).join('')
/** Go's `strings.ToLower`. */
export const toLower = (text: string): string =>
  ASCII.test(text) ? text.toLowerCase() : [...text].map(lowerChar).join('')

/** The characters of Go's `unicode.IsSpace`. */
const GO_SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/
/** Go's `strings.TrimSpace`. A regular expression for trailing spaces would take quadratic time. */
export function trimSpace(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isSpace(text[from] as string)) from++
  while (to > from && isSpace(text[to - 1] as string)) to--
  return text.slice(from, to)
}

/** Go's `unicode.IsSpace`, for one character. */
export const isSpace = (char: string): boolean => GO_SPACE.test(char)

/** Go's `strings.Title`: converts the first letter of each word to upper case. */
export function title(text: string): string {
  let before = ' '
  let out = ''
  for (const char of text) {
    out += isSeparator(before) ? upperChar(char) : char
    before = char
  }
  return out
}
const isSeparator = (char: string): boolean =>
  /^\p{ASCII}$/u.test(char) ? !/[A-Za-z0-9_]/.test(char) : !/^[\p{L}\p{Nd}]/u.test(char) && isSpace(char)
