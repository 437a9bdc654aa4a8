/** Parses media types of Accept and Content-Type headers, and matches them against patterns. */

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const MEDIA_RANGE = new RegExp(
  `^(${TOKEN})/(${TOKEN})((?:\\s*;\\s*${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*"))*)\\s*;?$`,
)

/** A quality value (RFC 9110 §12.4.2). */
const WEIGHT = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/

export interface MediaType {
  readonly type: string
  readonly subtype: string
  /** From 0 to 1; 1 where it is absent. */
  readonly quality: number
}

/** The media types of a list, in lower case. Invalid entries are left out (Q-41, Q-42). */
export function parseMediaTypes(text: string): readonly MediaType[] {
  return splitList(text).flatMap(entry => {
    const match = MEDIA_RANGE.exec(entry.trim())
    if (match === null) return []
    const [, type = '', subtype = '', parameters = ''] = match
    const weight = /;\s*q=([^;\s]*)/i.exec(parameters)?.[1] ?? '1'
    if (!WEIGHT.test(weight)) return []
    return [{ type: type.toLowerCase(), subtype: subtype.toLowerCase(), quality: Number(weight) }]
  })
}

/** Splits at commas outside quotes. */
function splitList(text: string): string[] {
  if (!text.includes('"')) return text.split(',')
  const parts: string[] = []
  let quoted = false
  let from = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\' && quoted) i++
    else if (text[i] === '"') quoted = !quoted
    else if (text[i] === ',' && !quoted) {
      parts.push(text.slice(from, i))
      from = i + 1
    }
  }
  return [...parts, text.slice(from)]
}

/**
 * Whether a type matches a pattern, which may be `type/*`, or `*` for both parts. A wildcard in the request
 * is literal, as for Oathkeeper: it matches only a wildcard in the pattern.
 */
export function mediaTypeMatches(pattern: string, { type, subtype }: MediaType): boolean {
  const [wantedType, wantedSubtype] = pattern.trim().toLowerCase().split('/')
  if (wantedType === '*' && wantedSubtype === '*') return true
  return wantedType === type && (wantedSubtype === '*' || wantedSubtype === subtype)
}
