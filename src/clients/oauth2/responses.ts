/** clients/oauth2_answers — the bodies that authorization servers answer with, as types (RFC 6749 §5.1, RFC 7662 §2.2). Pure; interprets nothing. */
import {
  isRecord,
  type JsonRecord,
  type JsonValue,
  memberInAnyCase,
  parseJson,
  percentDecode,
} from '../../golang/index.ts'
import type { HeaderPair, HttpResponse } from '../http/message.ts'

/** What an introspection endpoint said; absent members are empty, as Go reads them. */
export interface IntrospectionResponse {
  readonly active: boolean
  readonly sub: string
  readonly username: string
  readonly aud: readonly string[]
  readonly iss: string
  readonly clientId: string
  readonly scope: string
  /** Seconds since the epoch; 0 when absent. */
  readonly exp: number
  readonly tokenUse: string
  readonly ext: JsonRecord
}

/** `undefined` for what is no JSON object, or has a member of another type (F2). */
export function parseIntrospection(body: string): IntrospectionResponse | undefined {
  const document = parseJson(body)
  if (!isRecord(document)) return undefined
  const read = <T extends JsonValue>(
    name: string,
    fallback: T,
    isValid: (value: JsonValue) => boolean,
  ): T | undefined => {
    const value = memberInAnyCase(document, name)
    if (value === undefined || value === null) return fallback
    return isValid(value) ? (value as T) : undefined
  }
  const text = (name: string) => read(name, '' as string, value => typeof value === 'string')
  const answer = {
    active: read('active', false as boolean, value => typeof value === 'boolean'),
    sub: text('sub'),
    username: text('username'),
    aud: parseAudience(memberInAnyCase(document, 'aud')),
    iss: text('iss'),
    clientId: text('client_id'),
    scope: text('scope'),
    exp: read('exp', 0 as number, isTimestamp),
    tokenUse: text('token_use'),
    ext: read('ext', {} as JsonRecord, isRecord),
  }
  return Object.values(answer).includes(undefined) ? undefined : (answer as IntrospectionResponse)
}

/** Whole seconds in 64 bits, as Go reads them. */
const isTimestamp = (value: JsonValue): boolean =>
  Number.isInteger(value) && Math.abs(value as number) < 2 ** 63

/** One text or a list of them; a null is neither. */
export function parseAudience(value: JsonValue | undefined): readonly string[] | undefined {
  if (value === undefined) return []
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) return undefined
  return value.every(one => typeof one === 'string') ? value : undefined
}

export interface AccessToken {
  readonly accessToken: string
  /** Seconds; `undefined` for a token that says nothing. */
  readonly expiresIn: number | undefined
}

/**
 * JSON, or a form where the answer says so. `undefined` for what is no such answer and for one without a token, 'error' for
 * one that names an error, which counts whatever else it has: some servers answer so with 200.
 */
export function parseTokenResponse({ headers, body }: HttpResponse): AccessToken | 'error' | undefined {
  const type = mediaType(headers)
  const document =
    type === 'application/x-www-form-urlencoded' || type === 'text/plain' ? parseForm(body) : parseJson(body)
  if (!isRecord(document)) return undefined
  const error = memberInAnyCase(document, 'error') ?? ''
  if (error !== '') return typeof error === 'string' ? 'error' : undefined
  const token = memberInAnyCase(document, 'access_token')
  if (typeof token !== 'string' || token === '') return undefined
  const expires = memberInAnyCase(document, 'expires_in')
  const lifetime = typeof expires === 'string' && expires !== '' ? Number(expires) : (expires ?? 0)
  if (typeof lifetime !== 'number' || !Number.isInteger(lifetime)) return undefined
  return { accessToken: token, expiresIn: lifetime === 0 ? undefined : lifetime }
}

function mediaType(headers: readonly HeaderPair[]): string {
  const value = headers.find(([name]) => name === 'content-type')?.[1] ?? ''
  return (value.split(';', 1)[0] as string).trim().toLowerCase()
}

/** As Go reads one: of several values the first; a broken escape or a semicolon breaks it as a whole. */
function parseForm(body: string): JsonRecord | undefined {
  const record: Record<string, string> = Object.create(null)
  for (const pair of body.split('&')) {
    const separator = pair.indexOf('=')
    const name = percentDecode(separator < 0 ? pair : pair.slice(0, separator), true)
    const value = percentDecode(separator < 0 ? '' : pair.slice(separator + 1), true)
    if (name === undefined || value === undefined || pair.includes(';')) return undefined
    record[name] ??= value
  }
  return record
}
