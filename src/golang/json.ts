/** lib/json — JSON from outside to a value that nobody can change: bounded in depth, without numbers that are none. Knows nothing of access control. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonRecord
export interface JsonRecord {
  readonly [key: string]: JsonValue
}

/** Levels; what is deeper is no document that anybody wrote (F2). */
const MAX_JSON_DEPTH = 100

/** Frozen to the last member. `undefined` for what is no JSON, too deep, or has a number beyond a double (`1e999`). */
export function parseJson(text: string): JsonValue | undefined {
  let value: JsonValue
  try {
    value = JSON.parse(replaceLoneSurrogateEscapes(text)) as JsonValue
  } catch {
    return undefined
  }
  // No recursion: a mebibyte of brackets must not end in a full stack.
  let level: readonly JsonValue[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_JSON_DEPTH) return undefined
    const next: JsonValue[] = []
    for (const one of level) {
      if (typeof one === 'number' && !Number.isFinite(one)) return undefined
      if (typeof one !== 'object' || one === null) continue
      Object.freeze(one)
      for (const member of Object.values(one) as JsonValue[]) next.push(member)
    }
    level = next
  }
  return value
}

const LONE_SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/
const JSON_ESCAPE =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/gs

/** A JSON text with U+FFFD for every escaped half of a character, as Go's decoder reads it: no header can carry the half. */
export const replaceLoneSurrogateEscapes = (text: string): string =>
  LONE_SURROGATE_ESCAPE.test(text)
    ? text.replace(JSON_ESCAPE, one => (one.length === 6 ? '\\ufffd' : one))
    : text

export const isRecord = (value: JsonValue | undefined): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** As Go's decoder finds a field: by its exact name, else in any case. */
export function memberIgnoringCase(record: JsonRecord, name: string): JsonValue | undefined {
  const exact = ownMember(record, name)
  if (exact !== undefined) return exact
  const key = Object.keys(record).find(one => one.toLowerCase() === name.toLowerCase())
  return key === undefined ? undefined : record[key]
}

/** An own member; what `Object.prototype` has does not count (H3). */
export const ownMember = (record: JsonRecord, name: string): JsonValue | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined
