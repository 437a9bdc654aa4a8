/** lib/media_type — Accept and Content-Type against patterns of types. Knows nothing of access control. */

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const MEDIA_RANGE = new RegExp(
  `^(${TOKEN})/(${TOKEN})((?:\\s*;\\s*${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*"))*)\\s*;?$`,
)

/** RFC 9110 §12.4.2. */
const WEIGHT = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/

export interface MediaType {
  readonly type: string
  readonly subtype: string
  /** 0 to 1; 1 when absent. */
  readonly quality: number
}

/** Entries of a list, lower case; those that cannot be read are left out (Q-41, Q-42). */
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

/** At commas that stand outside of quotes. */
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

/** A pattern may be `type/*` or `*` for both; wildcards of the request are literal (spec 7.2). */
export function mediaTypeMatches(pattern: string, { type, subtype }: MediaType): boolean {
  const [wantedType, wantedSubtype] = pattern.trim().toLowerCase().split('/')
  if (wantedType === '*' && wantedSubtype === '*') return true
  return wantedType === type && (wantedSubtype === '*' || wantedSubtype === subtype)
}
