/** sessions/verdict — an answer of whoami → verified, rejected, second factor, limited, could not find out. Pure; knows no cache and no rule. */
import type { Json, JsonObject } from '../../access/session.ts'
import type { AssuranceLevel, CacheResult, Verdict, VerifiedSession } from '../../access/verdict.ts'
import type { HeaderPair, HttpFailure, HttpResponse } from '../../clients/http/message.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import type { WallTime } from '../../lib/time.ts'
import { parseTimestamp } from '../../lib/timestamp.ts'
import type { Finding } from '../types.ts'

const SESSION_ENDED: Finding = Object.freeze({ kind: 'rejected', certain: true })
const unavailable = (why: string): Finding => ({ kind: 'unavailable', why })

/**
 * Architecture 14.10, kratos 1.9. A 401 says the same for a bad credential and a sick database. `cookie` is the name of the
 * cookie that was asked about, empty for a token: no other one is relayed. Never throws.
 */
export function readWhoamiResponse(
  answer: HttpResponse | HttpFailure,
  cookie: string,
  now: WallTime,
): Finding {
  if (answer.kind === 'failed') return unavailable(answer.message)
  switch (answer.status) {
    case 200:
      return readSession(answer, cookie, now)
    case 401:
      return readRejection(answer)
    case 403:
    case 422:
      return readSecondFactor(answer)
    case 429:
      return { kind: 'limited', headers: rateLimitHeaders(answer.headers) }
    default: {
      const seconds = Number(headerValues(answer.headers, 'retry-after')[0] ?? Number.NaN)
      const why = `Kratos answered ${answer.status}`
      if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_RETRY_AFTER_SECONDS)
        return unavailable(why)
      return { kind: 'unavailable', why, retryAfterSeconds: seconds }
    }
  }
}

/**
 * A 401 says the same for all, with two exceptions (kratos 1.3): the level of a session could not be computed, so there is
 * one; and, where `cacheable_sessions` is on, no usable credential was found, for which no database is asked.
 */
function readRejection(answer: HttpResponse): Finding {
  const error = parseObject(answer.body)?.error
  if (isObject(error) && error.reason === 'Unable to determine AAL.') {
    return unavailable('Kratos could not determine the assurance level')
  }
  return { kind: 'rejected', certain: headerValues(answer.headers, 'ory-session-cache-for').length > 0 }
}

/** Seconds of `Retry-After` that are handed on; a larger number is taken for a mistake. */
const MAX_RETRY_AFTER_SECONDS = 3600

/**
 * C11, kratos 2.2: only a JSON object that is an active session, not yet over, of an active identity. That Kratos calls
 * one inactive is an answer; anything else that is no session is none.
 */
function readSession(answer: HttpResponse, cookie: string, now: WallTime): Finding {
  const document = parseObject(answer.body)
  if (document === undefined) return unavailable('Kratos answered 200 without a JSON object')
  const { id, active, identity } = document
  if (!isObject(identity) || !isUuid(id) || !isUuid(identity.id) || typeof active !== 'boolean') {
    return unavailable('Kratos answered 200 without a session')
  }
  if (!active || identity.state === 'inactive') return SESSION_ENDED
  if (identity.state !== 'active') return unavailable('the identity has no known state')
  const expiresAt = readTime(document.expires_at)
  if (expiresAt === undefined) return unavailable('the session has no expiry')
  if (expiresAt <= now) return unavailable('the session is over by our clock, and active by that of Kratos')
  const session: VerifiedSession = {
    id,
    identityId: identity.id,
    aal: LEVELS.get(document.authenticator_assurance_level) ?? 'aal0',
    // An unknown time is an old one: it never counts as fresh.
    authenticatedAt: readTime(document.authenticated_at) ?? (0 as WallTime),
    expiresAt,
    document,
  }
  return {
    kind: 'verified',
    session: deepFreeze(session),
    responseHeaders: headerValues(answer.headers, 'set-cookie')
      .filter(value => cookie !== '' && value.startsWith(`${cookie}=`))
      .map(value => ({ name: 'set-cookie', value })),
    cacheFor: headerValues(answer.headers, 'ory-session-cache-for'),
  }
}

/** For whom it was found, and how. */
export function toVerdict(finding: Finding, cache: CacheResult): Verdict {
  switch (finding.kind) {
    case 'verified':
      return {
        kind: 'verified',
        session: finding.session,
        cache: finding.askedAt === undefined ? cache : 'remote',
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

/** 403; Kratos before v0.10 said 422. Any other 403 comes from something in front of Kratos. */
function readSecondFactor(answer: HttpResponse): Finding {
  const document = parseObject(answer.body)
  const error = document?.error
  if (document === undefined || !isObject(error) || error.id !== 'session_aal2_required') {
    return unavailable(`Kratos answered ${answer.status}`)
  }
  return { kind: 'second factor', loginUrl: readUrl(document.redirect_browser_to) }
}

/** An unknown level is the lowest (kratos 2.5). */
const LEVELS: ReadonlyMap<unknown, AssuranceLevel> = new Map(
  (['aal0', 'aal1', 'aal2', 'aal3'] as const).map(level => [level, level]),
)

const headerValues = (headers: readonly HeaderPair[], name: string): string[] =>
  headers.filter(([key]) => key === name).map(([, value]) => value)

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const NIL = '00000000-0000-0000-0000-000000000000'
const isUuid = (value: Json | undefined): value is string =>
  typeof value === 'string' && UUID.test(value) && value !== NIL

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function readUrl(value: Json | undefined): string | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null
  return url?.protocol === 'http:' || url?.protocol === 'https:' ? url.href : undefined
}

const readTime = (value: Json | undefined): WallTime | undefined =>
  typeof value === 'string' ? parseTimestamp(value) : undefined

/** What is shared between requests cannot be changed by one of them. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
