/** lib/gjson_value — the values that gjson paths walk through, and its wildcards. Knows no path. */
import { replaceLoneSurrogateEscapes } from '../golang/index.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }
/** `undefined`: nothing was found; gjson goes on with an empty text then. */
export type GjsonResult = JsonValue | undefined
export type GjsonLookup = (value: GjsonResult) => GjsonResult

export const isRecord = (value: GjsonResult): value is { readonly [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function tryParseJson(text: string): GjsonResult {
  try {
    return JSON.parse(replaceLoneSurrogateEscapes(text)) as JsonValue
  } catch {
    return undefined
  }
}

/** `*` and `?`; a backslash takes their meaning away. Never more steps than text times pattern. */
export function compileWildcard(pattern: string): (text: string) => boolean {
  const tokens: { readonly char: string; readonly wild: boolean }[] = []
  const chars = [...pattern]
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] as string
    if (char === '\\' && i + 1 < chars.length) tokens.push({ char: chars[++i] as string, wild: false })
    else tokens.push({ char, wild: char === '*' || char === '?' })
  }
  return text => {
    const letters = [...text]
    let at = 0
    let token = 0
    // The last star, and where what follows it was tried: a failure moves that one further.
    let lastStar = -1
    let retryAt = 0
    while (at < letters.length) {
      const next = tokens[token]
      if (next?.wild && next.char === '*') {
        lastStar = token++
        retryAt = at
      } else if (next !== undefined && (next.wild || next.char === letters[at])) {
        token++
        at++
      } else if (lastStar >= 0) {
        token = lastStar + 1
        at = ++retryAt
      } else return false
    }
    return tokens.slice(token).every(one => one.wild && one.char === '*')
  }
}
