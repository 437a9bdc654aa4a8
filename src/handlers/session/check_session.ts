/**
 * Checks a session with an endpoint that is not Kratos: forwards the request as Oathkeeper does, and caches
 * if the rule enables it.
 */
import { type Awaitable, andThen } from '../../access/awaitable.ts'
import {
  type Denial,
  forbidden,
  rateLimited,
  unauthorized,
  unavailable,
  withAnnotations,
} from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Identity, Json } from '../../access/session.ts'
import type { HeaderPair, HttpFailure, HttpResponse, OutgoingRequest } from '../../clients/http/message.ts'
import { escapedPath, parseJson } from '../../golang/index.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import type { KeyHash } from '../../lib/key_hash.ts'
import { type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { Services } from '../services.ts'
import { checkSessionMaxAge, type SessionConfig } from './config_schema.ts'
import { compileIdentityReader, type ReadIdentity } from './subject.ts'

/** Returns the identity of a session, or a denial. */
export type CheckSession = (request: RequestView) => Awaitable<Identity | Denial>

/** Oathkeeper has no timeout. */
const CALL_TIMEOUT_MS = millis(10_000)

/**
 * `defaults.always`: header to forward even if it is not listed. `defaults.subjectFrom`: default path of the
 * subject.
 */
export function compileCheckSession(
  config: SessionConfig,
  url: URL,
  defaults: { readonly always: 'cookie' | 'authorization'; readonly subjectFrom: string },
  services: Services,
): CheckSession {
  const requestUrl = compileUrl(config, url)
  const headers = compileForwardedHeaders(config, defaults.always)
  const method = config.force_method ?? ''
  const read = reportingEmptySubject(
    compileIdentityReader({
      // Like Oathkeeper: an empty path means the default.
      subjectFrom: config.subject_from || defaults.subjectFrom,
      extraFrom: config.extra_from || 'extra',
      requireSubject: config.require_subject ?? false,
    }),
    () => services.reportEmptySubject(url.origin + url.pathname),
  )
  const toSessionRequest = (request: RequestView): SessionRequest => {
    const usedMethod = method === '' ? request.method : method
    return {
      method: usedMethod,
      url: requestUrl(request),
      headers: headers(request),
      timeout: CALL_TIMEOUT_MS,
      retries: usedMethod === 'GET' || usedMethod === 'HEAD' ? 1 : 0,
      target: 'check_session',
    }
  }
  const maxAge = checkSessionMaxAge(config)
  const check =
    maxAge > 0
      ? compileCachedCheck(toSessionRequest, maxAge, read, services)
      : async (request: RequestView) => {
          const outgoing = toSessionRequest(request)
          const response = await services.send({
            ...outgoing,
            deadline: () => request.deadline,
            caller: {
              address: request.remoteAddress,
              credential: { key: requestKey(services.cacheKey, outgoing), isAccepted },
            },
          })
          return readResponse(response, read)
        }
  return config.forbid_unreachable === true
    ? request => andThen(check(request), unavailableAsForbidden)
    : check
}

/** Reports identities with an empty subject, which are allowed as in Oathkeeper. */
const reportingEmptySubject =
  (read: ReadIdentity, reportEmptySubject: () => void): ReadIdentity =>
  (document, options) => {
    const outcome = read(document, options)
    if (outcome.kind === 'identity' && outcome.subject === '') reportEmptySubject()
    return outcome
  }

/** Everything that is sent. It forms the cache key, because nothing else can influence the response. */
type SessionRequest = Omit<OutgoingRequest, 'deadline' | 'body' | 'caller'>

const requestKey = (cacheKey: KeyHash, { method, url, headers }: SessionRequest): string =>
  cacheKey([method, url, headers])

const isAccepted = ({ status }: HttpResponse): boolean => status === 200
const isRejected = ({ status }: HttpResponse): boolean => status === 401 || status === 403

/** Oathkeeper's 403 for an unreachable endpoint. */
const unavailableAsForbidden = (outcome: Identity | Denial): Identity | Denial =>
  outcome.kind === 'denial' && outcome.code === 'unavailable'
    ? forbidden('unavailable', { reason: outcome.reason })
    : outcome

/** Only a 200 authenticates. */
function readResponse(
  response: HttpResponse | HttpFailure,
  read: ReadIdentity,
  options?: Parameters<ReadIdentity>[1],
) {
  // A failed call says nothing about the credential, so it is not a 401.
  if (response.kind === 'failed') return unavailable(response.message)
  if (response.status === 429) return rateLimited({ headers: rateLimitHeaders(response.headers) })
  // This includes redirects: following one to a login page would authenticate every request.
  if (response.status !== 200) {
    const rejection = unauthorized('credential_rejected', { reason: 'no valid session' })
    return response.cache === undefined ? rejection : withAnnotations(rejection, { cache: response.cache })
  }
  const document = parseDocument(response)
  return document === undefined && LOOKS_LIKE_JSON.test(response.body) ? BROKEN_JSON : read(document, options)
}

/**
 * Accepts a byte order mark, which .NET services often send. Returns `undefined` for a body that is not JSON.
 */
const parseDocument = ({ body }: HttpResponse): Json | undefined => parseJson(body.replace(/^\ufeff/, ''))

/**
 * Broken JSON may contain a subject, so it is denied. Any other body has an empty subject, as in Oathkeeper
 * (Q-44).
 */
const LOOKS_LIKE_JSON = /^[\s\ufeff]*[[{]/
const BROKEN_JSON = forbidden('bad_answer', { reason: 'the session endpoint sent broken JSON' })

interface CachedDocument {
  readonly document: Json
  readonly requestedAt: Instant
}

const TIMED_OUT: HttpFailure = Object.freeze({
  kind: 'failed',
  cause: 'deadline',
  message: 'the session endpoint did not respond before the deadline of the request',
})

/**
 * Caches responses by what was sent. Rules that send the same request share entries, each up to its own
 * `maxAge`. Only a 200 with JSON is cached. Any other response evicts the entry, except a failed call and
 * 429, which say nothing about the session.
 */
function compileCachedCheck(
  toSessionRequest: (request: RequestView) => SessionRequest,
  maxAge: Millis,
  read: ReadIdentity,
  { getCache, clock, cacheKey, send }: Services,
): CheckSession {
  const cache = getCache<HttpResponse | HttpFailure, CachedDocument>('check_session')
  const entryFor = (response: HttpResponse | HttpFailure, requestedAt: Instant) => {
    if (response.kind === 'failed' || response.status === 429) return undefined
    const document = response.status === 200 ? parseDocument(response) : undefined
    if (document === undefined) return 'evict' as const
    const remaining = millis(maxAge - millisBetween(requestedAt, clock.now()))
    return { value: { document, requestedAt }, ttl: remaining }
  }
  return request => {
    const outgoing = toSessionRequest(request)
    const key = requestKey(cacheKey, outgoing)
    const cached = cache.get(key)
    const now = clock.now()
    if (cached !== undefined && millisBetween(cached.requestedAt, now) < maxAge) {
      return read(cached.document, { annotations: { cache: 'hit' } })
    }
    const { promise, shared } = cache.load(key, {
      waiter: request,
      load: wantedUntil =>
        send({
          ...outgoing,
          deadline: wantedUntil,
          caller: { address: request.remoteAddress, credential: { key, isAccepted, isRejected } },
        }),
      toEntry: response => entryFor(response, now),
    })
    const annotations = { cache: shared ? 'joined' : 'miss' } as const
    return withTimeout(promise, millisBetween(now, request.deadline), TIMED_OUT).then(response =>
      readResponse(response, read, { annotations }),
    )
  }
}

function compileUrl(config: SessionConfig, url: URL): (request: RequestView) => string {
  const keepPath = config.preserve_path === true
  const keepQuery = config.preserve_query !== false
  if (keepPath && keepQuery) return () => url.href
  const user = url.username === '' ? '' : `${url.username}:${url.password}@`
  const origin = `${url.protocol}//${user}${url.host}`
  return ({ path, query }) => {
    const pathname = keepPath ? url.pathname : escapedPath({ scheme: '', host: '', path, rawQuery: '' })
    if (keepQuery) return origin + pathname + url.search
    return origin + pathname + (query === '' ? '' : `?${query}`)
  }
}

/**
 * Listed headers with all their values, then static headers, which replace listed ones, then
 * X-Forwarded-Host. `Host` is never set.
 */
function compileForwardedHeaders(
  config: SessionConfig,
  alwaysForwarded: string,
): (request: RequestView) => HeaderPair[] {
  const withHost = config.preserve_host === true
  const replaced = new Set(withHost ? ['host', 'x-forwarded-host'] : ['host'])
  const fixed = Object.entries(config.additional_headers ?? {})
    .map(([name, value]): HeaderPair => [name.toLowerCase(), value])
    .filter(([name]) => !replaced.has(name))
  for (const [name] of fixed) replaced.add(name)
  const listed = new Set([
    ...(config.forward_http_headers ?? []).map(name => name.toLowerCase()),
    alwaysForwarded,
  ])
  const copied = [...listed].filter(name => !replaced.has(name))
  return request => {
    const pairs: HeaderPair[] = []
    for (const name of copied) for (const value of request.headerValues(name)) pairs.push([name, value])
    pairs.push(...fixed)
    if (withHost) pairs.push(['x-forwarded-host', request.authority])
    return pairs
  }
}
