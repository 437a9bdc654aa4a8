/** handlers/parts/check_session — asks a session endpoint that is not Kratos, forwarding as Oathkeeper does (spec 4.4), through memory where a rule wants that. Knows no session. */
import { type Awaitable, andThen } from '../../access/awaitable.ts'
import { type Denial, forbidden, rateLimited, unauthorized, unavailable } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Identity, Json } from '../../access/session.ts'
import type { HeaderPair, HttpFailure, HttpResponse, OutgoingRequest } from '../../clients/http/message.ts'
import { escapedPath, parseJson } from '../../golang/index.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import { type Instant, type Millis, millis, millisBetween } from '../../lib/time.ts'
import { withTimeout } from '../../lib/with_timeout.ts'
import type { Services } from '../services.ts'
import { checkSessionMaxAge, type SessionConfig } from './config_schema.ts'
import { compileIdentityReader, type ReadIdentity } from './subject.ts'

export type CheckSession = (request: RequestView) => Awaitable<Identity | Denial>

/** Oathkeeper waits for ever. */
const CALL_TIMEOUT_MS = millis(10_000)

/** `always` is the header that is copied whether listed or not; `subjectFrom` the default path. */
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
      // An empty path is none, as Oathkeeper has it.
      subjectFrom: config.subject_from || defaults.subjectFrom,
      extraFrom: config.extra_from || 'extra',
      requireSubject: config.require_subject ?? false,
    }),
    () => services.reportEmptySubject(url.origin + url.pathname),
  )
  const checkRequest = (request: RequestView): SessionRequest => {
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
      ? compileCachedCheck(checkRequest, maxAge, read, services)
      : async (request: RequestView) => {
          const answer = await services.send({ ...checkRequest(request), deadline: request.deadline })
          return readResponse(answer, read)
        }
  return config.forbid_unreachable === true
    ? request => andThen(check(request), unavailableAsForbidden)
    : check
}

/** Whoever is let in without a name is let in, as by Oathkeeper, and does not go unnoticed. */
const reportingEmptySubject =
  (read: ReadIdentity, reportEmptySubject: () => void): ReadIdentity =>
  (document, parts) => {
    const outcome = read(document, parts)
    if (outcome.kind === 'identity' && outcome.subject === '') reportEmptySubject()
    return outcome
  }

/** What is sent, and nothing else decides what comes back: together the key of what is remembered. */
type SessionRequest = Omit<OutgoingRequest, 'deadline' | 'body'>

/** Oathkeeper's 403 where nothing could be found out. */
const unavailableAsForbidden = (outcome: Identity | Denial): Identity | Denial =>
  outcome.kind === 'denial' && outcome.code === 'unavailable'
    ? forbidden('unavailable', { reason: outcome.reason })
    : outcome

/** A 200 alone lets in. */
function readResponse(
  answer: HttpResponse | HttpFailure,
  read: ReadIdentity,
  parts?: Parameters<ReadIdentity>[1],
) {
  // not having found out is no answer about the credential.
  if (answer.kind === 'failed') return unavailable(answer.message)
  if (answer.status === 429) return rateLimited({ headers: rateLimitHeaders(answer.headers) })
  // Redirects among them: one to a login page would let everybody in.
  if (answer.status !== 200) return unauthorized('credential_rejected', { reason: 'no valid session' })
  const document = parseDocument(answer)
  return document === undefined && LOOKS_LIKE_JSON.test(answer.body) ? BROKEN_JSON : read(document, parts)
}

/** `undefined` for what is no JSON. .NET's services like to begin with a byte order mark. */
const parseDocument = ({ body }: HttpResponse): Json | undefined => parseJson(body.replace(/^\ufeff/, ''))

/** Anything else has an empty subject, as Oathkeeper has it; this may hold one that nobody can read (P3). */
const LOOKS_LIKE_JSON = /^[\s\ufeff]*[[{]/
const BROKEN_JSON = forbidden('bad_answer', { reason: 'the session endpoint answered with broken JSON' })

interface CachedDocument {
  readonly document: Json
  readonly requestedAt: Instant
}

const TIMED_OUT: HttpFailure = Object.freeze({
  kind: 'failed',
  cause: 'deadline',
  message: 'the session endpoint did not answer in time',
})

/**
 * Answers of one process, by exactly what was sent (C4, C6): rules that send the same share them, each for no longer than
 * its own `maxAge`. Only a 200 with JSON is kept, and any other answer but "could not find out" ends what was.
 */
function compileCachedCheck(
  sessionRequest: (request: RequestView) => SessionRequest,
  maxAge: Millis,
  read: ReadIdentity,
  { getCache, clock, cacheKey, send }: Services,
): CheckSession {
  const cache = getCache<HttpResponse | HttpFailure, CachedDocument>('check_session')
  const entryFor = (answer: HttpResponse | HttpFailure, askedAt: Instant) => {
    if (answer.kind === 'failed' || answer.status === 429) return undefined
    const document = answer.status === 200 ? parseDocument(answer) : undefined
    if (document === undefined) return 'evict' as const
    const remaining = millis(maxAge - millisBetween(askedAt, clock.now()))
    return { value: { document, requestedAt: askedAt }, ttl: remaining }
  }
  return request => {
    const outgoing = sessionRequest(request)
    const key = cacheKey([outgoing.method, outgoing.url, outgoing.headers])
    const cached = cache.get(key)
    const now = clock.now()
    if (cached !== undefined && millisBetween(cached.requestedAt, now) < maxAge) {
      return read(cached.document, { annotations: { cache: 'hit' } })
    }
    const { promise: answer, shared: joined } = cache.load(key, {
      load: () => send(outgoing),
      toEntry: response => entryFor(response, now),
    })
    const notes = { cache: joined ? 'shared' : 'miss' } as const
    return withTimeout(answer, millisBetween(now, request.deadline), TIMED_OUT).then(found =>
      readResponse(found, read, { annotations: notes }),
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

/** Listed headers with all their values, then the static ones in their place, then the host. `Host` itself is never set. */
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
