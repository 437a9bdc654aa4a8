/** lib/cookies — the Cookie header to names and values, as Go reads it. Knows nothing of access control. */

/** The value without its quotes. */
export type Cookie = readonly [name: string, value: string, quoted: boolean]

const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What may stand in a value: visible ASCII, blank and comma, but no quote, semicolon or backslash (Go, RFC 6265 §4.1.1). */
const COOKIE_VALUE = /^[\x20!#-:<-[\]-~]*$/
/** Blank, tab and line breaks. */
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a
/** Cookies of one request; what comes after them is not read (D12). */
const MAX_COOKIES = 1_000

/**
 * Names exact and case-sensitive (C3), without blanks around them. Only `;` separates, so a comma belongs to the value.
 * A name without `=` has the empty value; a pair with an unusable name or value is skipped; one pair of double quotes
 * around a value is told apart from it.
 */
export function parseCookies(lines: readonly string[]): readonly Cookie[] {
  const cookies: Cookie[] = []
  for (const line of lines) {
    for (let from = 0; from < line.length && cookies.length < MAX_COOKIES; ) {
      const semicolon = line.indexOf(';', from)
      const end = semicolon < 0 ? line.length : semicolon
      const cookie = parsePair(trimBlanks(line.slice(from, end)))
      if (cookie !== undefined) cookies.push(cookie)
      from = end + 1
    }
  }
  return cookies
}

/** Go's blanks only, and in linear time: JavaScript's `trim` takes away what belongs to a value. */
function trimBlanks(text: string): string {
  const from = skipBlanks(text, 0)
  let end = text.length
  while (end > from && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(from, end)
}

/** Values of the cookies of one name as `parseCookies` finds them, without making texts of all the others. */
export function cookieValues(lines: readonly string[], name: string): readonly string[] {
  const values: string[] = []
  let pairs = 0
  for (const line of lines) {
    for (let from = 0; from < line.length; ) {
      // Which of so many count is for the one who looks at all of them.
      if (++pairs > MAX_COOKIES) return parseCookies(lines).flatMap(one => (one[0] === name ? [one[1]] : []))
      const semicolon = line.indexOf(';', from)
      const end = semicolon < 0 ? line.length : semicolon
      if (line.startsWith(name, skipBlanks(line, from))) {
        const cookie = parsePair(trimBlanks(line.slice(from, end)))
        if (cookie?.[0] === name) values.push(cookie[1])
      }
      from = end + 1
    }
  }
  return values
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (isBlank(text.charCodeAt(at))) at++
  return at
}

function parsePair(pair: string): Cookie | undefined {
  if (pair === '') return undefined
  const equals = pair.indexOf('=')
  const name = equals < 0 ? pair : trimBlanks(pair.slice(0, equals))
  const raw = equals < 0 ? '' : pair.slice(equals + 1)
  const quoted = raw.length > 1 && raw.startsWith('"') && raw.endsWith('"')
  const value = quoted ? raw.slice(1, -1) : raw
  return COOKIE_NAME.test(name) && COOKIE_VALUE.test(value) ? [name, value, quoted] : undefined
}
