/** Reads a whoami response of Kratos as a `Finding`. */
import type { AssuranceLevel, CacheResult, Verdict, VerifiedSession } from '../../access/verdict.ts'
import type { HeaderPair, HttpFailure, HttpResponse } from '../../clients/http/message.ts'
import { isRecord, type JsonRecord, type JsonValue, parseJson } from '../../golang/index.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import type { WallTime } from '../../lib/time.ts'
import { parseTimestamp } from '../../lib/timestamp.ts'
import type { Finding } from '../types.ts'

const SESSION_ENDED: Finding = Object.freeze({ kind: 'rejected', certain: true })
const unavailable = (reason: string): Finding => ({ kind: 'unavailable', reason })

/**
 * Reads a response or a failed call. Never throws. `cookie` is the name of the session cookie that was sent, empty for a
 * token: a Set-Cookie for any other name is not passed on. `now` is the current time, which a session must outlive.
 */
export function readWhoamiResponse(
  response: HttpResponse | HttpFailure,
  cookie: string,
  now: WallTime,
): Finding {
  if (response.kind === 'failed') return unavailable(response.message)
  switch (response.status) {
    case 200:
      return readSession(response, cookie, now)
    case 401:
      return readRejection(response)
    case 403:
    case 422:
      return readSecondFactor(response)
    case 429:
      return { kind: 'limited', headers: rateLimitHeaders(response.headers) }
    default: {
      const seconds = Number(headerValues(response.headers, 'retry-after')[0] ?? Number.NaN)
      const reason = `Kratos answered ${response.status}`
      if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_RETRY_AFTER_SECONDS)
        return unavailable(reason)
      return { kind: 'unavailable', reason, retryAfterSeconds: seconds }
    }
  }
}

/**
 * Kratos sends the same 401 for an invalid credential and for a failing database, with two exceptions. If it could not
 * determine the assurance level, there is a session. If it sends `Ory-Session-Cache-For` (feature flag
 * `cacheable_sessions`), it found no usable credential before it used the database, so the rejection is certain.
 */
function readRejection(response: HttpResponse): Finding {
  const error = parseObject(response.body)?.error
  if (isRecord(error) && error.reason === 'Unable to determine AAL.') {
    return unavailable('Kratos could not determine the assurance level')
  }
  return { kind: 'rejected', certain: headerValues(response.headers, 'ory-session-cache-for').length > 0 }
}

/** Larger values of `Retry-After` are ignored as a mistake. */
const MAX_RETRY_AFTER_SECONDS = 3600

/**
 * Accepts only a JSON object with an active, unexpired session of an active identity. A session that Kratos calls inactive
 * is rejected. Any other 200, for example a login page of a proxy, is `unavailable` and never allows a request.
 */
function readSession(response: HttpResponse, cookie: string, now: WallTime): Finding {
  const document = parseObject(response.body)
  if (document === undefined) return unavailable('Kratos answered 200 without a JSON object')
  const { id, active, identity } = document
  if (typeof active !== 'boolean') return notASession('active is not a boolean')
  if (!isId(id)) return notASession(`id ${ID_RULE}`)
  if (!isRecord(identity)) return notASession('identity is not an object')
  if (!isId(identity.id)) return notASession(`identity.id ${ID_RULE}`)
  if (!active || identity.state === 'inactive') return SESSION_ENDED
  if (!isActive(identity)) return notASession('identity.state is neither active nor inactive')
  const expiresAt = readTime(document.expires_at)
  if (expiresAt === undefined) return notASession('expires_at is not an RFC 3339 time')
  if (expiresAt <= now) return unavailable('the session has expired by our clock but not by that of Kratos')
  const session: VerifiedSession = {
    id,
    identityId: identity.id,
    aal: LEVELS.get(document.authenticator_assurance_level) ?? 'aal0',
    // Without a readable time the session never counts as recently authenticated.
    authenticatedAt: readTime(document.authenticated_at) ?? (0 as WallTime),
    expiresAt,
    document,
  }
  return {
    kind: 'verified',
    session: Object.freeze(session),
    responseHeaders: headerValues(response.headers, 'set-cookie')
      .filter(value => cookie !== '' && value.startsWith(`${cookie}=`))
      .map(value => ({ name: 'set-cookie', value })),
    cacheFor: headerValues(response.headers, 'ory-session-cache-for'),
  }
}

/** Adds how the cache took part. A session from another replica is always `remote`. */
export function toVerdict(finding: Finding, cache: CacheResult): Verdict {
  switch (finding.kind) {
    case 'verified':
      return {
        kind: 'verified',
        session: finding.session,
        cache: finding.requestedAt === undefined ? cache : 'remote',
        responseHeaders: finding.responseHeaders,
      }
    case 'rejected':
      return { kind: 'rejected', cache }
    case 'second factor':
      return { kind: 'second factor', loginUrl: finding.loginUrl, cache }
    default:
      return { ...finding, cache }
  }
}

/** Kratos sends 403, before v0.10 422. Any other 403 comes from a proxy in front of Kratos. */
function readSecondFactor(response: HttpResponse): Finding {
  const document = parseObject(response.body)
  const error = document?.error
  if (document === undefined || !isRecord(error) || error.id !== 'session_aal2_required') {
    return unavailable(`Kratos answered ${response.status}`)
  }
  return { kind: 'second factor', loginUrl: readUrl(document.redirect_browser_to) }
}

/** An unknown level counts as `aal0`, the lowest. */
const LEVELS: ReadonlyMap<unknown, AssuranceLevel> = new Map(
  (['aal0', 'aal1', 'aal2', 'aal3'] as const).map(level => [level, level]),
)

const headerValues = (headers: readonly HeaderPair[], name: string): string[] =>
  headers.filter(([key]) => key === name).map(([, value]) => value)

/** Names the member that is wrong, never its value. */
const notASession = (problem: string): Finding =>
  unavailable(
    `Kratos answered 200 without a session: ${problem}; set kratos: false if the endpoint is not Kratos`,
  )

/** Kratos before v0.8 sends no `identity.state`; the session's own `active` then decides, as in Oathkeeper. */
export const isActive = (identity: { readonly state?: unknown }): boolean =>
  identity.state === undefined || identity.state === 'active'

/** Kratos sends UUIDs. Stand-ins send other ids, which Oathkeeper accepts. Go writes an unset id as the nil UUID. */
const ID = /^(?!0{8}(?:-0{4}){3}-0{12}$)[!-~]{1,256}$/
const ID_RULE = 'is not an id: 1 to 256 visible ASCII characters, and not the nil UUID'
const isId = (value: JsonValue | undefined): value is string => typeof value === 'string' && ID.test(value)

/** The object is deeply frozen, because requests share the session. */
function parseObject(text: string): JsonRecord | undefined {
  const value = parseJson(text)
  return isRecord(value) ? value : undefined
}

function readUrl(value: JsonValue | undefined): string | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href : undefined
}

const readTime = (value: JsonValue | undefined): WallTime | undefined =>
  typeof value === 'string' ? parseTimestamp(value) : undefined
