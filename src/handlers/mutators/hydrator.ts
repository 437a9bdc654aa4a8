/** handlers/mutators/hydrator — lets a service replace the session: extra data, headers, all but the subject. Knows not what the answer holds. */
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { type Denial, internalError } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Session } from '../../access/session.ts'
import type { HeaderPair, HttpFailure, HttpResponse, OutgoingRequest } from '../../clients/http/message.ts'
import { GoError, parseQuery, queryEscape } from '../../golang/index.ts'
import {
  DURATION_PATTERN,
  type Instant,
  millis,
  millisBetween,
  parseDuration,
  plusMillis,
} from '../../lib/time.ts'
import { type HydratedSession, parseHydratedSession } from '../compile/hydrated_session.ts'
import { sessionJson } from '../compile/template_data.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import { defineMutator } from '../handler.ts'
import type { Services } from '../services.ts'

const durationSchema = z
  .string()
  .regex(DURATION_PATTERN, 'must be a whole number and one unit, like 100ms')
  .optional()

export const hydrator = defineMutator({
  id: 'hydrator',
  summary: 'asks a service for more about the session, and replaces all of it but the subject by the answer',
  config: z.strictObject({
    api: z
      .strictObject({
        url: httpUrlSchema.describe('URL that is asked with POST; its query is replaced by the request’s'),
        auth: z
          .strictObject({
            basic: z
              .strictObject({
                username: z.string().describe('user of the service'),
                password: z.string().describe('password of that user'),
              })
              .describe('HTTP Basic authentication'),
          })
          .optional()
          .describe('sent in place of the Authorization header of the request'),
        retry: z
          .strictObject({
            give_up_after: durationSchema.describe(
              'time for each of up to five tries; default 1s, 0s is 10s',
            ),
            max_delay: durationSchema.describe('longest wait between two tries; default 100ms'),
          })
          .optional()
          .describe('tries after connection errors, time-outs, 429 and 5xx; none beyond Envoy’s deadline'),
      })
      .describe('the service that is asked'),
    cache: z
      .strictObject({
        enabled: z.boolean().optional().describe('remembers answers to equal sessions; default false'),
        ttl: durationSchema.describe('how long an answer is believed; default 1m, also for 0s'),
        ignored_headers: z
          .array(z.string())
          .optional()
          .describe('headers of the request that make no other answer, such as X-Request-Id; default none'),
      })
      .optional()
      .describe('memory of answers; an equal session has equal path, query and headers'),
    headers: z
      .array(z.string())
      .optional()
      .describe('headers that its answers may set: no client can bring one of them along, through no rule'),
  }),
  example: { api: { url: 'http://profiles:8080/hydrate', retry: { give_up_after: '500ms' } } },
  setsHeaders: ({ headers = [] }) => headers.map(name => name.toLowerCase()),
  compile({ api, cache: memory }, services, context) {
    const ignored = new Set((memory?.ignored_headers ?? []).map(name => name.toLowerCase()))
    if (memory?.enabled === true && !ignored.has('x-request-id')) {
      // Q-85: Envoy gives each request one of its own.
      context.warn(['cache'], 'hardly ever finds an answer', 'add X-Request-Id to cache.ignored_headers')
    }
    const target = compileUrl(api.url)
    const basic = api.auth?.basic
    const authorization =
      basic && `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`
    // As Go's client: no time at all is no limit of its own.
    const timeout = parseDuration(api.retry?.give_up_after ?? '1s') || MAX_CALL_MS
    const delay = parseDuration(api.retry?.max_delay ?? '100ms') ?? millis(0)
    const ttl = parseDuration(memory?.ttl ?? '1m') || millis(60_000)
    const shelf = services.getCache<HydratedSession | Denial, HydratedSession>('hydrator')

    const ask = async (
      session: Session,
      body: string,
      deadline: Instant,
    ): Promise<HydratedSession | Denial> => {
      const call: OutgoingRequest = {
        method: 'POST',
        url: target(session.request),
        headers: requestHeaders(session.request, authorization),
        body,
        timeout,
        deadline,
        target: 'hydrator',
      }
      return readResponse(await sendWithRetries(services, call, deadline, delay), session.subject)
    }

    return async session => {
      let body: string
      try {
        // Go's encoder ends a document with a line break; whoever signs bodies counts it.
        body = `${sessionJson(session)}\n`
      } catch (error) {
        if (error instanceof GoError) return internalError('internal', `hydrator: ${error.message}`)
        throw error
      }
      if (memory?.enabled !== true)
        return toSession(await ask(session, body, session.request.deadline), session)
      const equal = ignored.size === 0 ? body : sessionJson(withoutHeaders(session, ignored))
      // What is sent, and not only what the session says of it: another hydrator may have replaced its match context.
      const sent = requestHeaders(session.request, authorization).filter(([name]) => !ignored.has(name))
      const key = services.cacheKey([target(session.request), sent.map(pair => [...pair]), equal])
      const known = shelf.get(key)
      if (known !== undefined) return toSession(known, session)
      const { promise: answer } = shelf.load(key, {
        // Others may wait for it: its end is not that of one request.
        load: () => ask(session, body, plusMillis(services.clock.now(), MAX_CALL_MS)),
        toEntry: made => ('kind' in made ? undefined : { value: made, ttl }),
      })
      return toSession(await answer, session)
    }
  },
})

/** Longest time for one try that has no limit, and for a question that several requests wait for. */
const MAX_CALL_MS = millis(10_000)
/** After the first one. */
const MAX_RETRIES = 4

const toSession = (hydrated: HydratedSession | Denial, session: Session): Session | Denial =>
  'kind' in hydrated ? hydrated : { ...session, ...hydrated }

/** The session without some headers of the request. */
function withoutHeaders(session: Session, names: ReadonlySet<string>): Session {
  const { headers } = session.match
  if (headers === undefined) return session
  const lines = 'headerEntries' in headers ? headers.headerEntries() : []
  const kept = new Map<string, readonly string[]>('headerEntries' in headers ? [] : headers)
  for (const [name, value] of lines) kept.set(name, [...(kept.get(name) ?? []), value])
  for (const name of kept.keys()) if (names.has(name.toLowerCase())) kept.delete(name)
  return { ...session, match: { ...session.match, headers: kept } }
}

/** Where nothing was wrong with the question. */
const isRetryable = (answer: HttpResponse | HttpFailure): boolean =>
  answer.kind === 'failed'
    ? answer.cause === 'connect' || answer.cause === 'reset' || answer.cause === 'timeout'
    : answer.status === 429 || (answer.status >= 500 && answer.status !== 501)

/** Waits 1 s, 2 s, 4 s, none longer than `longest`, and never beyond the deadline. */
async function sendWithRetries(
  { send, clock }: Services,
  call: OutgoingRequest,
  deadline: Instant,
  maxDelay: number,
): Promise<HttpResponse | HttpFailure> {
  for (let attempt = 0; ; attempt++) {
    const answer = await send(call)
    const delay = Math.min(1000 * 2 ** attempt, maxDelay)
    if (attempt === MAX_RETRIES || !isRetryable(answer) || millisBetween(clock.now(), deadline) <= delay)
      return answer
    await wait(delay)
  }
}

/** Anything but a session of the same subject is a 500 (Q-86). */
function readResponse(answer: HttpResponse | HttpFailure, subject: string): HydratedSession | Denial {
  if (answer.kind === 'failed') return internalError('unavailable', answer.message)
  if (answer.status !== 200)
    return internalError('bad_answer', `hydrator: expected 200, got ${answer.status}`)
  const hydrated = parseHydratedSession(answer.body)
  if (hydrated === undefined) return internalError('bad_answer', 'hydrator: the answer is no session')
  if (hydrated.subject !== subject)
    return internalError('bad_answer', 'hydrator: the answer has another subject')
  return hydrated
}

/** The URL with the request's query, its names sorted. */
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

/** They speak of the request's own body and host, or of forms of the answer that we do not read. */
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
