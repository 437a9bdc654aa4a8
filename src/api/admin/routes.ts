/** The routes of the admin API, `/admin/v1`. */
import type { WallTime } from '../../lib/time.ts'
import type { RevocationTarget } from '../../sessions/types.ts'
import type { RecentActivity } from '../../telemetry/recent_activity.ts'
import { bodyTooLargeReply, jsonErrorReply, jsonReply, type Reply } from '../reply.ts'
import { readBody } from '../request_body.ts'
import { parseRevocation, REVOCATION_BODY_HELP } from '../revocation_body.ts'
import type { ApiRequest, Route } from '../server.ts'
import { FILTER_PARAMETERS, parseActivityFilter } from './activity_filter.ts'
import type { AuthorizeAdmin } from './authorization.ts'
import { activityBody, createEventStreams, MAX_EVENTS_PER_SECOND } from './event_stream.ts'

export interface AdminDependencies {
  readonly authorize: AuthorizeAdmin
  readonly recent: RecentActivity
  readonly wall: () => WallTime
  /** The state of the service, as JSON. */
  readonly status: () => object
  readonly reload: () => Promise<void>
  /** Resolves to true once Redis has accepted the revocation, to false while it is queued. */
  readonly revoke: (revoked: RevocationTarget) => Promise<boolean>
}

const PREFIX = '/admin/v1'
const MAX_BODY_BYTES = 16 * 1024
const DEFAULT_PAGE_DECISIONS = 100
const MAX_PAGE_DECISIONS = 1_000

type Handle = (request: ApiRequest, parameter: string) => Reply | Promise<Reply>

/** `close` ends the open streams. */
export function adminRoutes(dependencies: AdminDependencies): { readonly route: Route; close(): void } {
  const { authorize, recent, status, reload, revoke, wall } = dependencies
  const streams = createEventStreams(recent)
  const handlers: Readonly<Record<string, Handle>> = {
    'GET /status': () => jsonReply(200, status()),
    'GET /events': ({ query, message }) => {
      const problem = unknownParameter(query, [...FILTER_PARAMETERS, 'max_rps'])
      if (problem !== undefined) return problem
      const since = integer(String(message.headers['last-event-id'] ?? '')) ?? recent.lastSequence
      const rate = integer(query.get('max_rps') ?? '') ?? MAX_EVENTS_PER_SECOND
      return streams.open(
        parseActivityFilter(query),
        since,
        Math.min(Math.max(rate, 1), MAX_EVENTS_PER_SECOND),
      )
    },
    'GET /decisions': ({ query }) => {
      const problem = unknownParameter(query, [...FILTER_PARAMETERS, 'before', 'limit'])
      if (problem !== undefined) return problem
      const limit = Math.min(integer(query.get('limit') ?? '') ?? DEFAULT_PAGE_DECISIONS, MAX_PAGE_DECISIONS)
      const before = integer(query.get('before') ?? '') ?? Number.POSITIVE_INFINITY
      const matches = parseActivityFilter(query)
      const page = recent.before(before, limit, one => one.kind === 'decision' && matches(one))
      return jsonReply(200, {
        decisions: page.map(activityBody),
        next_before: page.length < limit ? null : (page.at(-1)?.sequence ?? null),
      })
    },
    'GET /decisions/*': (_request, id) => {
      const [found] = recent.before(
        Number.POSITIVE_INFINITY,
        1,
        one => one.kind === 'decision' && one.record.request_id === id,
      )
      return found === undefined
        ? jsonErrorReply(404, 'No recent decision has this request id')
        : jsonReply(200, activityBody(found))
    },
    'POST /reload': async () => {
      await reload()
      return jsonReply(200, status())
    },
    'POST /sessions/revoke': async ({ message }) => {
      const body = await readBody(message, MAX_BODY_BYTES)
      if (body === undefined) return bodyTooLargeReply()
      const target = parseRevocation(body.toString(), wall())
      if (target === undefined) return jsonErrorReply(400, REVOCATION_BODY_HELP)
      const isPublished = await revoke(target)
      return jsonReply(isPublished ? 200 : 202, { published: isPublished })
    },
  }

  return {
    route: request => {
      if (request.path !== PREFIX && !request.path.startsWith(`${PREFIX}/`)) return undefined
      const rejected = authorize(request.message)
      if (rejected !== undefined) return rejected
      const path = request.path.slice(PREFIX.length)
      const exact = handlers[`${request.method} ${path}`]
      if (exact !== undefined) return exact(request, '')
      const slash = path.lastIndexOf('/')
      const handle = handlers[`${request.method} ${path.slice(0, slash)}/*`]
      return handle === undefined
        ? jsonErrorReply(404, `No such route: ${Object.keys(handlers).join(', ')} below ${PREFIX}`)
        : handle(request, path.slice(slash + 1))
    },
    close: streams.close,
  }
}

/** A misspelt filter would show more than its sender meant. */
function unknownParameter(query: URLSearchParams, known: readonly string[]): Reply | undefined {
  const unknown = [...query.keys()].some(key => !known.includes(key))
  return unknown ? jsonErrorReply(400, `Parameters are ${known.join(', ')}`) : undefined
}

const integer = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)
