/** handlers/parts/check_session — asks a session endpoint that is not Kratos, forwarding as Oathkeeper does (spec 4.4), through memory where a rule wants that. Knows no session. */
import { type Awaitable, after } from '../../access/awaitable.ts'
import { type Denial, forbidden, rateLimited, unauthorized, unavailable } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Identity, Json } from '../../access/session.ts'
import type { Answered, Failed, HeaderPair, OutgoingRequest } from '../../clients/http/message.ts'
import { escapedPath, parseJson } from '../../golang/index.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import { between, type Instant, type Millis, millis } from '../../lib/time.ts'
import { within } from '../../lib/with_timeout.ts'
import type { Services } from '../services.ts'
import { otherMaxAgeOf, type SessionKeys } from './config_schema.ts'
import { compileSubject, type ReadIdentity } from './subject.ts'

export type CheckSession = (request: RequestView) => Awaitable<Identity | Denial>

/** Oathkeeper waits for ever. */
const TIMEOUT = millis(10_000)

/** `always` is the header that is copied whether listed or not; `subjectFrom` the default path. */
export function compileCheckSession(
  keys: SessionKeys,
  url: URL,
  defaults: { readonly always: 'cookie' | 'authorization'; readonly subjectFrom: string },
  services: Services,
): CheckSession {
  const target = compileTarget(keys, url)
  const headers = compileForwarded(keys, defaults.always)
  const method = keys.force_method ?? ''
  const read = noticed(
    compileSubject({
      // An empty path is none, as Oathkeeper has it.
      subjectFrom: keys.subject_from || defaults.subjectFrom,
      extraFrom: keys.extra_from || 'extra',
      required: keys.require_subject ?? false,
    }),
    () => services.subjectless(url.origin + url.pathname),
  )
  const question = (request: RequestView): Question => {
    const asked = method === '' ? request.method : method
    return {
      method: asked,
      url: target(request),
      headers: headers(request),
      timeout: TIMEOUT,
      retries: asked === 'GET' || asked === 'HEAD' ? 1 : 0,
      target: 'check_session',
    }
  }
  const maxAge = otherMaxAgeOf(keys)
  const check =
    maxAge > 0
      ? compileRemembered(question, maxAge, read, services)
      : async (request: RequestView) => {
          const answer = await services.send({ ...question(request), deadline: request.deadline })
          return judge(answer, read)
        }
  return keys.forbid_unreachable === true ? request => after(check(request), asForbidden) : check
}

/** Whoever is let in without a name is let in, as by Oathkeeper, and does not go unnoticed. */
const noticed =
  (read: ReadIdentity, notice: () => void): ReadIdentity =>
  (document, parts) => {
    const outcome = read(document, parts)
    if (outcome.kind === 'identity' && outcome.subject === '') notice()
    return outcome
  }

/** What is sent, and nothing else decides what comes back: together the key of what is remembered. */
type Question = Omit<OutgoingRequest, 'deadline' | 'body'>

/** Oathkeeper's 403 where nothing could be found out. */
const asForbidden = (outcome: Identity | Denial): Identity | Denial =>
  outcome.kind === 'denial' && outcome.code === 'unavailable'
    ? forbidden('unavailable', { reason: outcome.reason })
    : outcome

/** A 200 alone lets in. */
function judge(answer: Answered | Failed, read: ReadIdentity, parts?: Parameters<ReadIdentity>[1]) {
  // not having found out is no answer about the credential.
  if (answer.kind === 'failed') return unavailable(answer.message)
  if (answer.status === 429) return rateLimited({ headers: rateLimitHeaders(answer.headers) })
  // Redirects among them: one to a login page would let everybody in.
  if (answer.status !== 200) return unauthorized('credential_rejected', { reason: 'no valid session' })
  const document = documentOf(answer)
  return document === undefined && LOOKS_LIKE_JSON.test(answer.body) ? BROKEN : read(document, parts)
}

/** `undefined` for what is no JSON. .NET's services like to begin with a byte order mark. */
const documentOf = ({ body }: Answered): Json | undefined => parseJson(body.replace(/^\ufeff/, ''))

/** Anything else has an empty subject, as Oathkeeper has it; this may hold one that nobody can read (P3). */
const LOOKS_LIKE_JSON = /^[\s\ufeff]*[[{]/
const BROKEN = forbidden('bad_answer', { reason: 'the session endpoint answered with broken JSON' })

interface Kept {
  readonly document: Json
  readonly askedAt: Instant
}

const TOO_LATE: Failed = Object.freeze({
  kind: 'failed',
  cause: 'deadline',
  message: 'the session endpoint did not answer in time',
})

/**
 * Answers of one process, by exactly what was sent (C4, C6): rules that send the same share them, each for no longer than
 * its own `maxAge`. Only a 200 with JSON is kept, and any other answer but "could not find out" ends what was.
 */
function compileRemembered(
  question: (request: RequestView) => Question,
  maxAge: Millis,
  read: ReadIdentity,
  { cache: memory, clock, keyOf, send }: Services,
): CheckSession {
  const cache = memory<Answered | Failed, Kept>('check_session')
  const keep = (answer: Answered | Failed, askedAt: Instant) => {
    if (answer.kind === 'failed' || answer.status === 429) return undefined
    const document = answer.status === 200 ? documentOf(answer) : undefined
    if (document === undefined) return 'drop' as const
    const left = millis(maxAge - between(askedAt, clock.now()))
    return { value: { document: document, askedAt }, ttl: left }
  }
  return request => {
    const asked = question(request)
    const key = keyOf([asked.method, asked.url, asked.headers])
    const kept = cache.get(key)
    const now = clock.now()
    if (kept !== undefined && between(kept.askedAt, now) < maxAge) {
      return read(kept.document, { notes: { cache: 'hit' } })
    }
    const { answer, joined } = cache.ask(key, {
      ask: () => send(asked),
      keep: found => keep(found, now),
    })
    const notes = { cache: joined ? 'shared' : 'miss' } as const
    return within(answer, between(now, request.deadline), TOO_LATE).then(found =>
      judge(found, read, { notes }),
    )
  }
}

function compileTarget(keys: SessionKeys, url: URL): (request: RequestView) => string {
  const keepPath = keys.preserve_path === true
  const keepQuery = keys.preserve_query !== false
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
function compileForwarded(keys: SessionKeys, always: string): (request: RequestView) => HeaderPair[] {
  const withHost = keys.preserve_host === true
  const ours = new Set(withHost ? ['host', 'x-forwarded-host'] : ['host'])
  const fixed = Object.entries(keys.additional_headers ?? {})
    .map(([name, value]): HeaderPair => [name.toLowerCase(), value])
    .filter(([name]) => !ours.has(name))
  for (const [name] of fixed) ours.add(name)
  const listed = new Set([...(keys.forward_http_headers ?? []).map(name => name.toLowerCase()), always])
  const copied = [...listed].filter(name => !ours.has(name))
  return request => {
    const pairs: HeaderPair[] = []
    for (const name of copied) for (const value of request.headerValues(name)) pairs.push([name, value])
    pairs.push(...fixed)
    if (withHost) pairs.push(['x-forwarded-host', request.authority])
    return pairs
  }
}
