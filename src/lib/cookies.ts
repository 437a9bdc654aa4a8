/** lib/cookies — the Cookie header to names and values, as Go reads it. Knows nothing of access control. */

export type Cookie = readonly [name: string, value: string]

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What may stand in a value: visible ASCII, blank and comma, but no quote, semicolon or backslash (Go, RFC 6265 §4.1.1). */
const VALUE = /^[\x20!#-:<-[\]-~]*$/
/** Cookies of one request; what comes after them is not read (D12). */
const MOST = 1_000

/**
 * Names exact and case-sensitive (C3). Only `;` separates, so a comma belongs to the value. A name without `=` has the
 * empty value; a pair with an unusable name or value is skipped; one pair of double quotes around a value is dropped.
 */
export function parseCookies(lines: readonly string[]): readonly Cookie[] {
  const cookies: Cookie[] = []
  for (const line of lines) {
    for (let from = 0; from < line.length && cookies.length < MOST; ) {
      const semicolon = line.indexOf(';', from)
      const end = semicolon < 0 ? line.length : semicolon
      const cookie = parsePair(line.slice(from, end).trim())
      if (cookie !== undefined) cookies.push(cookie)
      from = end + 1
    }
  }
  return cookies
}

function parsePair(pair: string): Cookie | undefined {
  if (pair === '') return undefined
  const equals = pair.indexOf('=')
  const name = equals < 0 ? pair : pair.slice(0, equals)
  const raw = equals < 0 ? '' : pair.slice(equals + 1)
  const value = raw.length > 1 && raw.startsWith('"') && raw.endsWith('"') ? raw.slice(1, -1) : raw
  return TOKEN.test(name) && VALUE.test(value) ? [name, value] : undefined
}
