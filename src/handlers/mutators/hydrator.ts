/** handlers/mutators/hydrator — lets a service replace the session: extra data, headers, all but the subject. Knows not what the answer holds. */
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { type Denial, internal } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Session } from '../../access/session.ts'
import type { Answered, Failed, HeaderPair, OutgoingRequest } from '../../clients/http/message.ts'
import { Fault, parseQuery, queryEscape } from '../../golang/index.ts'
import { between, DURATION_PATTERN, type Instant, later, millis, parseDuration } from '../../lib/time.ts'
import { type Hydrated, readHydrated } from '../compile/hydrated_session.ts'
import { sessionJson } from '../compile/template_data.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import { mutator } from '../handler.ts'
import type { Services } from '../services.ts'

const duration = z
  .string()
  .regex(DURATION_PATTERN, 'must be a whole number and one unit, like 100ms')
  .optional()

export const hydrator = mutator({
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
            give_up_after: duration.describe('time for each of up to five tries; default 1s, 0s is 10s'),
            max_delay: duration.describe('longest wait between two tries; default 100ms'),
          })
          .optional()
          .describe('tries after connection errors, time-outs, 429 and 5xx; none beyond Envoy’s deadline'),
      })
      .describe('the service that is asked'),
    cache: z
      .strictObject({
        enabled: z.boolean().optional().describe('remembers answers to equal sessions; default false'),
        ttl: duration.describe('how long an answer is believed; default 1m, also for 0s'),
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
  writes: ({ headers = [] }) => headers.map(name => name.toLowerCase()),
  compile({ api, cache: memory }, services, context) {
    const ignored = new Set((memory?.ignored_headers ?? []).map(name => name.toLowerCase()))
    if (memory?.enabled === true && !ignored.has('x-request-id')) {
      // Q-85: Envoy gives each request one of its own.
      context.warn(['cache'], 'hardly ever finds an answer', 'add X-Request-Id to cache.ignored_headers')
    }
    const target = compileTarget(api.url)
    const basic = api.auth?.basic
    const authorization =
      basic && `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`
    // As Go's client: no time at all is no limit of its own.
    const timeout = parseDuration(api.retry?.give_up_after ?? '1s') || LONGEST
    const delay = parseDuration(api.retry?.max_delay ?? '100ms') ?? millis(0)
    const ttl = parseDuration(memory?.ttl ?? '1m') || millis(60_000)
    const shelf = services.cache<Hydrated | Denial, Hydrated>('hydrator')

    const ask = async (session: Session, body: string, deadline: Instant): Promise<Hydrated | Denial> => {
      const call: OutgoingRequest = {
        method: 'POST',
        url: target(session.request),
        headers: headersOf(session.request, authorization),
        body,
        timeout,
        deadline,
        target: 'hydrator',
      }
      return judge(await sendAgain(services, call, deadline, delay), session.subject)
    }

    return async session => {
      let body: string
      try {
        // Go's encoder ends a document with a line break; whoever signs bodies counts it.
        body = `${sessionJson(session)}\n`
      } catch (error) {
        if (error instanceof Fault) return internal('internal', `hydrator: ${error.message}`)
        throw error
      }
      if (memory?.enabled !== true) return carry(await ask(session, body, session.request.deadline), session)
      const equal = ignored.size === 0 ? body : sessionJson(without(session, ignored))
      // What is sent, and not only what the session says of it: another hydrator may have replaced its match context.
      const sent = headersOf(session.request, authorization).filter(([name]) => !ignored.has(name))
      const key = services.keyOf([target(session.request), sent.map(pair => [...pair]), equal])
      const known = shelf.get(key)
      if (known !== undefined) return carry(known, session)
      const { answer } = shelf.ask(key, {
        // Others may wait for it: its end is not that of one request.
        ask: () => ask(session, body, later(services.clock.now(), LONGEST)),
        keep: made => ('kind' in made ? undefined : { value: made, ttl }),
      })
      return carry(await answer, session)
    }
  },
})

/** Longest time for one try that has no limit, and for a question that several requests wait for. */
const LONGEST = millis(10_000)
/** After the first one. */
const TRIES = 4

const carry = (made: Hydrated | Denial, session: Session): Session | Denial =>
  'kind' in made ? made : { ...session, ...made }

/** The session without some headers of the request. */
function without(session: Session, names: ReadonlySet<string>): Session {
  const { headers } = session.match
  if (headers === undefined) return session
  const lines = 'headerEntries' in headers ? headers.headerEntries() : []
  const kept = new Map<string, readonly string[]>('headerEntries' in headers ? [] : headers)
  for (const [name, value] of lines) kept.set(name, [...(kept.get(name) ?? []), value])
  for (const name of kept.keys()) if (names.has(name.toLowerCase())) kept.delete(name)
  return { ...session, match: { ...session.match, headers: kept } }
}

/** Where nothing was wrong with the question. */
const mayTryAgain = (answer: Answered | Failed): boolean =>
  answer.kind === 'failed'
    ? answer.cause === 'connect' || answer.cause === 'reset' || answer.cause === 'timeout'
    : answer.status === 429 || (answer.status >= 500 && answer.status !== 501)

/** Waits 1 s, 2 s, 4 s, none longer than `longest`, and never beyond the deadline. */
async function sendAgain(
  { send, clock }: Services,
  call: OutgoingRequest,
  deadline: Instant,
  longest: number,
): Promise<Answered | Failed> {
  for (let tries = 0; ; tries++) {
    const answer = await send(call)
    const pause = Math.min(1000 * 2 ** tries, longest)
    if (tries === TRIES || !mayTryAgain(answer) || between(clock.now(), deadline) <= pause) return answer
    await wait(pause)
  }
}

/** Anything but a session of the same subject is a 500 (Q-86). */
function judge(answer: Answered | Failed, subject: string): Hydrated | Denial {
  if (answer.kind === 'failed') return internal('unavailable', answer.message)
  if (answer.status !== 200) return internal('bad_answer', `hydrator: expected 200, got ${answer.status}`)
  const made = readHydrated(answer.body)
  if (made === undefined) return internal('bad_answer', 'hydrator: the answer is no session')
  if (made.subject !== subject) return internal('bad_answer', 'hydrator: the answer has another subject')
  return made
}

/** The URL with the request's query, its names sorted. */
function compileTarget(text: string): (request: RequestView) => string {
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
const OURS: ReadonlySet<string> = new Set(['accept-encoding', 'content-encoding', 'content-type', 'host'])

function headersOf(request: RequestView, authorization: string | undefined): readonly HeaderPair[] {
  const copied = [...request.headerEntries()].filter(
    ([name]) => !OURS.has(name) && !(name === 'authorization' && authorization !== undefined),
  )
  if (authorization !== undefined) copied.push(['authorization', authorization])
  return [...copied, ['content-type', 'application/json']]
}
