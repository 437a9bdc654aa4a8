/** handlers/parts/hydrated — a session as the hydrator's API writes it, checked member by member (spec 6.5). Knows no call. */
import type { Header, JsonObject, MatchContext, MatchUrl, Session } from '../../access/session.ts'
import { isRecord, type JsonRecord, type JsonValue, memberInAnyCase, parseJson } from '../../golang/index.ts'

/** What an API may replace of a session; all of it is replaced. */
export type Hydrated = Pick<Session, 'subject' | 'extra' | 'headers' | 'match'>

/** A member of the wrong kind. */
class Misfit extends Error {}

/** `undefined` for what is no session. What is missing or null is empty, as Go decodes it. */
export function readHydrated(body: string): Hydrated | undefined {
  const document = parseJson(body)
  if (!isRecord(document)) return undefined
  try {
    return Object.freeze({
      subject: text(document, 'subject'),
      extra: record(document, 'extra') as JsonObject | undefined,
      headers: headersOf(lists(document, 'header')),
      match: matchOf(record(document, 'match_context') ?? {}),
    })
  } catch (error) {
    if (error instanceof Misfit) return undefined
    throw error
  }
}

/** One value a name; Oathkeeper loses what is not written in canonical form, here any case will do. */
function headersOf(lines: ReadonlyMap<string, readonly string[]> | undefined): readonly Header[] {
  const found = new Map<string, string>()
  for (const [written, values] of lines ?? []) {
    const name = written.toLowerCase()
    if (!found.has(name)) found.set(name, values[0] ?? '')
  }
  return [...found].map(([name, value]) => ({ name, value }))
}

function matchOf(document: JsonRecord): MatchContext {
  const url = record(document, 'url')
  return {
    captures: strings(field(document, 'regexp_capture_groups')),
    url: url && urlOf(url),
    method: text(document, 'method'),
    headers: lists(document, 'header'),
  }
}

const urlOf = (document: JsonRecord): MatchUrl => ({
  scheme: text(document, 'Scheme'),
  host: text(document, 'Host'),
  path: text(document, 'Path'),
  rawQuery: text(document, 'RawQuery'),
})

const field = (document: JsonRecord, name: string): JsonValue => memberInAnyCase(document, name) ?? null

function text(document: JsonRecord, name: string): string {
  const value = field(document, name) ?? ''
  if (typeof value !== 'string') throw new Misfit()
  return value
}

function record(document: JsonRecord, name: string): JsonRecord | undefined {
  const value = field(document, name) ?? undefined
  if (value === undefined || isRecord(value)) return value
  throw new Misfit()
}

function strings(value: JsonValue): readonly string[] | undefined {
  if (value === null) return undefined
  if (!Array.isArray(value)) throw new Misfit()
  return value.map((item: JsonValue) => {
    if (typeof item !== 'string') throw new Misfit()
    return item
  })
}

function lists(document: JsonRecord, name: string): ReadonlyMap<string, readonly string[]> | undefined {
  const value = record(document, name)
  if (value === undefined) return undefined
  return new Map(Object.entries(value).map(([key, items]) => [key, strings(items) ?? []]))
}
