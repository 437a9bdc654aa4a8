/** Parses Cookie headers exactly as Go's net/http does, because Kratos and Oathkeeper use it. */

/** The value without its quotes, and whether it had quotes. */
export type Cookie = readonly [name: string, value: string, quoted: boolean]

const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/**
 * Visible ASCII, spaces and commas, except quotes, semicolons and backslashes (RFC 6265 §4.1.1, extended as
 * in Go).
 */
const COOKIE_VALUE = /^[\x20!#-:<-[\]-~]*$/
/** Space, tab and line breaks. */
const isBlank = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a
/** Most cookies of one request; the rest is ignored. */
const MAX_COOKIES = 1_000

/**
 * All cookies in order. Names are case-sensitive. Only `;` separates cookies, so a comma is part of a value.
 * A name without `=` has an empty value. A pair with an invalid name or value is skipped. One pair of double
 * quotes around a value is removed.
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

/**
 * Removes what Go regards as blank, in linear time. JavaScript's `trim` would also remove characters of the
 * value.
 */
function trimBlanks(text: string): string {
  const from = skipBlanks(text, 0)
  let end = text.length
  while (end > from && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(from, end)
}

/**
 * Values of the cookies of one name, as `parseCookies` finds them, without creating strings for the other
 * cookies.
 */
export function cookieValues(lines: readonly string[], name: string): readonly string[] {
  const values: string[] = []
  let pairs = 0
  for (const line of lines) {
    for (let from = 0; from < line.length; ) {
      // `parseCookies` decides which cookies are within the limit: those that it skips do not count.
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
