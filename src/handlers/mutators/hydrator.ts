/**
 * Replaces the session, except its subject, by the response of a service. Long because half of it is the schema
 * of the configuration, which docs/handlers.md is made from.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { type Denial, internalError } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Session } from '../../access/session.ts'
import type { HeaderPair, HttpFailure, HttpResponse, OutgoingRequest } from '../../clients/http/message.ts'
import { GoError, parseQuery, queryEscape } from '../../golang/index.ts'
import { type Instant, millis, millisBetween, parseDuration } from '../../lib/time.ts'
import { failedCall } from '../compile/call_failure.ts'
import { durationSchema } from '../compile/duration_schema.ts'
import { type HydratedSession, parseHydratedSession } from '../compile/hydrated_session.ts'
import { publicString } from '../compile/public_config.ts'
import { sessionJson } from '../compile/template_data.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import { defineMutator } from '../handler.ts'
import type { Services } from '../services.ts'

export const hydrator = defineMutator({
  id: 'hydrator',
  summary: 'replaces the session, except its subject, by the response of a service',
  config: z.strictObject({
    api: z
      .strictObject({
        url: httpUrlSchema.describe(
          'URL for the POST request. Its query is replaced by that of the request.',
        ),
        auth: z
          .strictObject({
            basic: z
              .strictObject({
                username: z.string().describe('User name.'),
                password: z.string().describe('Password.').meta({ writeOnly: true }),
              })
              .describe('HTTP Basic credentials.'),
          })
          .optional()
          .describe('Credentials to send instead of the Authorization header of the request.'),
        retry: z
          .strictObject({
            give_up_after: durationSchema('100ms')
              .optional()
              .describe('Timeout for each of up to five attempts. Default: 1s. 0s means 10s.'),
            max_delay: durationSchema('100ms')
              .optional()
              .describe('Maximum delay between two attempts. Default: 100ms.'),
          })
          .optional()
          .describe(
            'Retries after connection errors, timeouts, 429 and 5xx, within the deadline of the request.',
          ),
      })
      .describe('The service.'),
    cache: z
      .strictObject({
        enabled: z.boolean().optional().describe('Whether to cache. Default: false.'),
        ttl: durationSchema('100ms')
          .optional()
          .describe('Lifetime of a cached response. Default, also for 0s: 1m.'),
        ignored_headers: z
          .array(publicString())
          .optional()
          .describe(
            'Request headers that are not part of the cache key, such as X-Request-Id. Default: none.',
          ),
      })
      .optional()
      .describe(
        'Cache of responses. Its key covers the session with path, query and headers of the request.',
      ),
    headers: z
      .array(publicString())
      .optional()
      .describe(
        'Headers that the responses may set. Clients cannot send these headers through any rule. Default: none.',
      ),
    any_header: z
      .boolean()
      .optional()
      .describe(
        'Whether the responses may set headers that `headers` does not list, as with Oathkeeper. Clients can send such headers through other rules. Default: false.',
      ),
  }),
  example: { api: { url: 'http://profiles:8080/hydrate', retry: { give_up_after: '500ms' } } },
  setsHeaders: ({ headers = [] }) => headers.map(name => name.toLowerCase()),
  compile({ api, cache: cacheConfig, headers, any_header: anyHeader = false }, services, context) {
    const listed = anyHeader ? undefined : new Set(headers?.map(name => name.toLowerCase()))
    if (headers === undefined) {
      const message = anyHeader
        ? 'is not set: clients can send the headers of the responses through other rules'
        : 'is not set: headers of the responses are dropped'
      context.warn(['headers'], message, 'list the headers that the service sets, or set it to []')
    }
    const ignored = new Set((cacheConfig?.ignored_headers ?? []).map(name => name.toLowerCase()))
    if (cacheConfig?.enabled === true && !ignored.has('x-request-id')) {
      // Envoy gives each request its own X-Request-Id (Q-85).
      context.warn(
        ['cache'],
        'almost never has a hit, because every request has another X-Request-Id',
        'add X-Request-Id to cache.ignored_headers',
      )
    }
    const requestUrl = compileUrl(api.url)
    const basic = api.auth?.basic
    const authorization =
      basic && `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`
    // Like Go's client, where a timeout of 0 means no limit.
    const timeout = parseDuration(api.retry?.give_up_after ?? '1s') || MAX_CALL_MS
    const maxDelay = parseDuration(api.retry?.max_delay ?? '100ms') ?? millis(0)
    const ttl = parseDuration(cacheConfig?.ttl ?? '1m') || millis(60_000)
    const cache = services.getCache<HydratedSession | Denial, HydratedSession>('hydrator')

    const callService = async (
      session: Session,
      body: string,
      deadline: () => Instant,
    ): Promise<HydratedSession | Denial> => {
      const call: OutgoingRequest = {
        method: 'POST',
        url: requestUrl(session.request),
        headers: requestHeaders(session.request, authorization),
        body,
        timeout,
        deadline,
        target: 'hydrator',
        caller: { address: session.request.remoteAddress },
      }
      return readResponse(await sendWithRetries(services, call, deadline, maxDelay), session.subject)
    }

    return async session => {
      let body: string
      try {
        // Go's encoder appends a line break, and services that verify body signatures depend on it.
        body = `${sessionJson(session)}\n`
      } catch (error) {
        if (error instanceof GoError) return internalError('internal', `hydrator: ${error.message}`)
        throw error
      }
      if (cacheConfig?.enabled !== true)
        return toSession(await callService(session, body, () => session.request.deadline), session, listed)
      const keyBody = ignored.size === 0 ? body : sessionJson(withoutHeaders(session, ignored))
      // The key covers the headers to send as well, because an earlier hydrator may have replaced those in
      // the session.
      const sent = requestHeaders(session.request, authorization).filter(([name]) => !ignored.has(name))
      const key = services.cacheKey([requestUrl(session.request), sent.map(pair => [...pair]), keyBody])
      const cached = cache.get(key)
      if (cached !== undefined) return toSession(cached, session, listed)
      const { promise } = cache.load(key, {
        waiter: session.request,
        load: wantedUntil => callService(session, body, wantedUntil),
        toEntry: loaded => ('kind' in loaded ? undefined : { value: loaded, ttl }),
      })
      return toSession(await promise, session, listed)
    }
  },
})

/** Limit for an attempt without a timeout. */
const MAX_CALL_MS = millis(10_000)
/** Retries after the first attempt. */
const MAX_RETRIES = 4

/**
 * Keeps headers that earlier handlers of the rule have set, and of the others those that are listed. Clients
 * could send any other header through a rule without this hydrator, and the upstream would trust it.
 */
function toSession(
  hydrated: HydratedSession | Denial,
  session: Session,
  listed: ReadonlySet<string> | undefined,
): Session | Denial {
  if ('kind' in hydrated) return hydrated
  if (listed === undefined) return { ...session, ...hydrated }
  const headers = hydrated.headers.filter(
    ({ name }) => listed.has(name) || session.headers.some(earlier => earlier.name === name),
  )
  return { ...session, ...hydrated, headers }
}

/** Removes request headers from the session. */
function withoutHeaders(session: Session, names: ReadonlySet<string>): Session {
  const { headers } = session.match
  if (headers === undefined) return session
  const lines = 'headerEntries' in headers ? headers.headerEntries() : []
  const kept = new Map<string, readonly string[]>('headerEntries' in headers ? [] : headers)
  for (const [name, value] of lines) kept.set(name, [...(kept.get(name) ?? []), value])
  for (const name of kept.keys()) if (names.has(name.toLowerCase())) kept.delete(name)
  return { ...session, match: { ...session.match, headers: kept } }
}

/** Whether another attempt may succeed. */
const isRetryable = (outcome: HttpResponse | HttpFailure): boolean =>
  outcome.kind === 'failed'
    ? outcome.cause === 'connect' || outcome.cause === 'reset' || outcome.cause === 'timeout'
    : outcome.status === 429 || (outcome.status >= 500 && outcome.status !== 501)

/**
 * Delays are 1 s, 2 s, 4 s and 8 s, each limited by `maxDelay` (ms). No attempt starts after the deadline.
 */
async function sendWithRetries(
  { send, clock }: Services,
  call: OutgoingRequest,
  deadline: () => Instant,
  maxDelay: number,
): Promise<HttpResponse | HttpFailure> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await send(call)
    const delay = Math.min(1000 * 2 ** attempt, maxDelay)
    if (attempt === MAX_RETRIES || !isRetryable(outcome) || millisBetween(clock.now(), deadline()) <= delay)
      return outcome
    await wait(delay)
  }
}

/** Any response but a session with the same subject is a 500 (Q-86). */
function readResponse(response: HttpResponse | HttpFailure, subject: string): HydratedSession | Denial {
  if (response.kind === 'failed') return failedCall(response)
  if (response.status !== 200)
    return internalError('bad_answer', `hydrator: expected 200, got ${response.status}`)
  const hydrated = parseHydratedSession(response.body)
  if (hydrated === undefined) return internalError('bad_answer', 'hydrator: the response is not a session')
  if (hydrated.subject !== subject)
    return internalError('bad_answer', 'hydrator: the response has another subject')
  return hydrated
}

/** The URL with the query of the request, sorted by names. */
function compileUrl(text: string): (request: RequestView) => string {
  const url = new URL(text)
  url.search = ''
  url.hash = ''
  const base = url.href
  return ({ query }) => {
    const names = [...parseQuery(query)].sort(([a], [b]) => (a < b ? -1 : 1))
    const pairs = names.flatMap(([name, values]) =>
      values.map(value => `${queryEscape(name)}=${queryEscape(value)}`),
    )
    return pairs.length === 0 ? base : `${base}?${pairs.join('&')}`
  }
}

/**
 * Headers that describe the body and host of the request, or encodings of a response that the client cannot
 * decode.
 */
const REPLACED_HEADERS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'content-encoding',
  'content-type',
  'host',
])

function requestHeaders(request: RequestView, authorization: string | undefined): readonly HeaderPair[] {
  const copied = [...request.headerEntries()].filter(
    ([name]) => !REPLACED_HEADERS.has(name) && !(name === 'authorization' && authorization !== undefined),
  )
  if (authorization !== undefined) copied.push(['authorization', authorization])
  return [...copied, ['content-type', 'application/json']]
}
