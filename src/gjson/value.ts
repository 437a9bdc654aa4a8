/** lib/gjson_value — the values that gjson paths walk through, and its wildcards. Knows no path. */
import { wellFormed } from '../golang/index.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }
/** `undefined`: nothing was found; gjson goes on with an empty text then. */
export type Found = JsonValue | undefined
export type Step = (value: Found) => Found

export const isRecord = (value: Found): value is { readonly [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function parseJson(text: string): Found {
  try {
    return JSON.parse(wellFormed(text)) as JsonValue
  } catch {
    return undefined
  }
}

/** `*` and `?`; a backslash takes their meaning away. Never more steps than text times pattern. */
export function wildcardOf(pattern: string): (text: string) => boolean {
  const signs: { readonly char: string; readonly wild: boolean }[] = []
  const chars = [...pattern]
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] as string
    if (char === '\\' && i + 1 < chars.length) signs.push({ char: chars[++i] as string, wild: false })
    else signs.push({ char, wild: char === '*' || char === '?' })
  }
  return text => {
    const letters = [...text]
    let at = 0
    let sign = 0
    // The last star, and where what follows it was tried: a failure moves that one further.
    let star = -1
    let tried = 0
    while (at < letters.length) {
      const next = signs[sign]
      if (next?.wild && next.char === '*') {
        star = sign++
        tried = at
      } else if (next !== undefined && (next.wild || next.char === letters[at])) {
        sign++
        at++
      } else if (star >= 0) {
        sign = star + 1
        at = ++tried
      } else return false
    }
    return signs.slice(sign).every(one => one.wild && one.char === '*')
  }
}
