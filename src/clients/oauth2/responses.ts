/** Parses the responses of authorization servers (RFC 6749 §5.1, RFC 7662 §2.2). */
import {
  isRecord,
  type JsonRecord,
  type JsonValue,
  memberIgnoringCase,
  parseJson,
  percentDecode,
} from '../../golang/index.ts'
import type { HeaderPair, HttpResponse } from '../http/message.ts'

/** An introspection response. Absent members are empty, as Go decodes them. */
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

/** Returns `undefined` for a body that is not a JSON object or that has a member of another type. */
export function parseIntrospection(body: string): IntrospectionResponse | undefined {
  const document = parseJson(body)
  if (!isRecord(document)) return undefined
  const read = <T extends JsonValue>(
    name: string,
    fallback: T,
    isValid: (value: JsonValue) => boolean,
  ): T | undefined => {
    const value = memberIgnoringCase(document, name)
    if (value === undefined || value === null) return fallback
    return isValid(value) ? (value as T) : undefined
  }
  const text = (name: string) => read(name, '' as string, value => typeof value === 'string')
  const response = {
    active: read('active', false as boolean, value => typeof value === 'boolean'),
    sub: text('sub'),
    username: text('username'),
    aud: parseAudience(memberIgnoringCase(document, 'aud')),
    iss: text('iss'),
    clientId: text('client_id'),
    scope: text('scope'),
    exp: read('exp', 0 as number, isTimestamp),
    tokenUse: text('token_use'),
    ext: read('ext', {} as JsonRecord, isRecord),
  }
  return Object.values(response).includes(undefined) ? undefined : (response as IntrospectionResponse)
}

/** Whole seconds within 64 bits, as Go decodes an int64. */
const isTimestamp = (value: JsonValue): boolean =>
  Number.isInteger(value) && Math.abs(value as number) < 2 ** 63

/**
 * Accepts one string or a list of strings. Returns `undefined` for any other value, including null,
 * and `[]` for an absent one.
 */
function parseAudience(value: JsonValue | undefined): readonly string[] | undefined {
  if (value === undefined) return []
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) return undefined
  return value.every(audience => typeof audience === 'string') ? value : undefined
}

/** A successful token response (RFC 6749 §5.1). */
export interface AccessToken {
  readonly accessToken: string
  /** Seconds. `undefined`: the response has no `expires_in`, or 0. */
  readonly expiresIn: number | undefined
}

/**
 * Parses a token response as JSON, or as a form if its content type says so. Returns `undefined` for a
 * malformed response and for one without a token. Returns `'error'` if it has a member `error`, because some
 * servers send errors with 200.
 */
export function parseTokenResponse({ headers, body }: HttpResponse): AccessToken | 'error' | undefined {
  const type = mediaType(headers)
  const document =
    type === 'application/x-www-form-urlencoded' || type === 'text/plain' ? parseForm(body) : parseJson(body)
  if (!isRecord(document)) return undefined
  const error = memberIgnoringCase(document, 'error') ?? ''
  if (error !== '') return typeof error === 'string' ? 'error' : undefined
  const token = memberIgnoringCase(document, 'access_token')
  if (typeof token !== 'string' || token === '') return undefined
  const expires = memberIgnoringCase(document, 'expires_in')
  const lifetime = typeof expires === 'string' && expires !== '' ? Number(expires) : (expires ?? 0)
  if (typeof lifetime !== 'number' || !Number.isInteger(lifetime)) return undefined
  return { accessToken: token, expiresIn: lifetime === 0 ? undefined : lifetime }
}

function mediaType(headers: readonly HeaderPair[]): string {
  const value = headers.find(([name]) => name === 'content-type')?.[1] ?? ''
  return (value.split(';', 1)[0] as string).trim().toLowerCase()
}

/**
 * Like Go's `url.ParseQuery`: the first of several values counts; an invalid escape or a semicolon
 * invalidates the whole form.
 */
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
