/** Parses and validates the session in the response of a hydrator's API. */
import type { Header, JsonObject, MatchContext, MatchUrl, Session } from '../../access/session.ts'
import {
  isRecord,
  type JsonRecord,
  type JsonValue,
  memberIgnoringCase,
  parseJson,
} from '../../golang/index.ts'

/** The members of a session that the API replaces. */
export type HydratedSession = Pick<Session, 'subject' | 'extra' | 'headers' | 'match'>

/** A member has another type than Go's decoder accepts. */
class UnexpectedTypeError extends Error {}

/**
 * Returns `undefined` for a body that is not a session. A missing or null member is empty, as Go decodes it.
 */
export function parseHydratedSession(body: string): HydratedSession | undefined {
  const document = parseJson(body)
  if (!isRecord(document)) return undefined
  try {
    return Object.freeze({
      subject: textMember(document, 'subject'),
      extra: recordMember(document, 'extra') as JsonObject | undefined,
      headers: toHeaders(listsMember(document, 'header')),
      match: toMatchContext(recordMember(document, 'match_context') ?? {}),
    })
  } catch (error) {
    if (error instanceof UnexpectedTypeError) return undefined
    throw error
  }
}

/**
 * One value for each name. Oathkeeper loses names that are not in canonical form; here the case does not
 * matter.
 */
function toHeaders(lines: ReadonlyMap<string, readonly string[]> | undefined): readonly Header[] {
  const byName = new Map<string, string>()
  for (const [written, values] of lines ?? []) {
    const name = written.toLowerCase()
    if (!byName.has(name)) byName.set(name, values[0] ?? '')
  }
  return [...byName].map(([name, value]) => ({ name, value }))
}

function toMatchContext(document: JsonRecord): MatchContext {
  const url = recordMember(document, 'url')
  return {
    captures: stringList(memberOrNull(document, 'regexp_capture_groups')),
    url: url && toMatchUrl(url),
    method: textMember(document, 'method'),
    headers: listsMember(document, 'header'),
  }
}

const toMatchUrl = (document: JsonRecord): MatchUrl => ({
  scheme: textMember(document, 'Scheme'),
  host: textMember(document, 'Host'),
  path: textMember(document, 'Path'),
  rawQuery: textMember(document, 'RawQuery'),
})

const memberOrNull = (document: JsonRecord, name: string): JsonValue =>
  memberIgnoringCase(document, name) ?? null

function textMember(document: JsonRecord, name: string): string {
  const value = memberOrNull(document, name) ?? ''
  if (typeof value !== 'string') throw new UnexpectedTypeError()
  return value
}

function recordMember(document: JsonRecord, name: string): JsonRecord | undefined {
  const value = memberOrNull(document, name) ?? undefined
  if (value === undefined || isRecord(value)) return value
  throw new UnexpectedTypeError()
}

function stringList(value: JsonValue): readonly string[] | undefined {
  if (value === null) return undefined
  if (!Array.isArray(value)) throw new UnexpectedTypeError()
  return value.map((item: JsonValue) => {
    if (typeof item !== 'string') throw new UnexpectedTypeError()
    return item
  })
}

function listsMember(document: JsonRecord, name: string): ReadonlyMap<string, readonly string[]> | undefined {
  const value = recordMember(document, name)
  if (value === undefined) return undefined
  return new Map(Object.entries(value).map(([key, items]) => [key, stringList(items) ?? []]))
}
