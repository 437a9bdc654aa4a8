/** JSON as Go's encoding/json reads it: parsing and finding members. */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonRecord
export interface JsonRecord {
  readonly [key: string]: JsonValue
}

/** Levels of nesting; deeper documents are attacks. */
const MAX_JSON_DEPTH = 100

/**
 * For documents from the network: the result is deeply frozen. `undefined` for invalid JSON, for more than 100 levels, and
 * for a number that a double cannot represent (`1e999`).
 */
export function parseJson(text: string): JsonValue | undefined {
  const value = parseUnboundedJson(text)
  if (value === undefined) return undefined
  // Without recursion, because a mebibyte of brackets would overflow the stack.
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

/** Without the limits and the freezing of `parseJson`. `undefined` for invalid JSON. */
export function parseUnboundedJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(replaceLoneSurrogateEscapes(text)) as JsonValue
  } catch {
    return undefined
  }
}

const LONE_SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/
const JSON_ESCAPE =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/gs

/** Replaces escaped lone surrogates in a JSON text by U+FFFD, as Go's decoder does; a header cannot contain them. */
export const replaceLoneSurrogateEscapes = (text: string): string =>
  LONE_SURROGATE_ESCAPE.test(text)
    ? text.replace(JSON_ESCAPE, sequence => (sequence.length === 6 ? '\\ufffd' : sequence))
    : text

export const isRecord = (value: JsonValue | undefined): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Finds a member as Go's decoder does: by its exact name, else ignoring case. */
export function memberIgnoringCase(record: JsonRecord, name: string): JsonValue | undefined {
  const exact = ownMember(record, name)
  if (exact !== undefined) return exact
  const key = Object.keys(record).find(one => one.toLowerCase() === name.toLowerCase())
  return key === undefined ? undefined : record[key]
}

/** An own member: members of `Object.prototype` are never found. */
export const ownMember = (record: JsonRecord, name: string): JsonValue | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined
