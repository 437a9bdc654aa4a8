/** lib/gjson_value — the values that gjson paths walk through, and its wildcards. Knows no path. */

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }
export type Found = JsonValue | undefined
export type Step = (value: JsonValue) => Found

export const isRecord = (value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Own members only (H3). */
export const ownValue = (value: JsonValue, key: string): Found =>
  isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined

/** `*` and `?` that are not escaped, as one expression without backtracking into itself. */
export function wildcardOf(text: string): RegExp | undefined {
  if (!/(?<!\\)[*?]/.test(text)) return undefined
  let source = ''
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string
    if (character === '\\') source += escapeText(text[++i] ?? '')
    else if (character === '*') source += source.endsWith('.*') ? '' : '.*'
    else source += character === '?' ? '.' : escapeText(character)
  }
  return new RegExp(`^${source}$`, 's')
}

const escapeText = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
