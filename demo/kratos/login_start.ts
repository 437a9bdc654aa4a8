/** demo/kratos/login_start — begins and shows login flows, for browsers and for programs. Checks no password. */
import { randomUUID } from 'node:crypto'
import { sessionOf } from './credentials.ts'
import { csrfHolds, csrfOf, maskToken } from './csrf.ts'
import { aalOf, type Flow, type Session } from './database.ts'
import type { Parts, Route } from './dependencies.ts'
import { flowDocument } from './documents.ts'
import { AAL1_FIRST, ALREADY_LOGGED_IN, badRequest, CSRF, DATABASE, NOT_FOUND } from './errors.ts'
import {
  type ApiError,
  type Exchange,
  errorReply,
  json,
  type Reply,
  redirect,
  wantsJson,
} from './exchange.ts'
import { returnTarget } from './return_to.ts'

const HOUR = 3_600_000

export const loginStart: Route = (exchange, parts) => {
  if (exchange.method !== 'GET') return undefined
  if (exchange.path === '/self-service/login/browser') return browser(exchange, parts)
  if (exchange.path === '/self-service/login/api') return api(exchange, parts)
  if (exchange.path === '/self-service/login/flows') return show(exchange, parts)
  if (exchange.path === '/self-service/errors') return showError(exchange, parts)
  return undefined
}

function browser(exchange: Exchange, parts: Parts): Reply {
  const asJson = wantsJson(exchange)
  const csrf = csrfOf(exchange, parts.settings.public.baseUrl)
  const done = (reply: Reply): Reply => ({ ...reply, headers: [...reply.headers, ...csrf.setCookie] })
  const fail = (error: ApiError) => done(failed(exchange, parts, error))

  const target = returnTarget(parts.settings, exchange.query.get('return_to'))
  if ('error' in target) return fail(target.error)
  // Errors for browsers are kept in the database, too: without it even they get JSON.
  if (parts.database.health !== 'up') return done(errorReply(exchange, DATABASE))
  const session = sessionOf(exchange, parts)
  const stepUp = exchange.query.get('aal') === 'aal2'
  const refresh = exchange.query.get('refresh') === 'true'
  if (stepUp && session === undefined) return fail(AAL1_FIRST)
  const enough = session !== undefined && !refresh && (!stepUp || aalOf(session) === 'aal2')
  if (enough) return asJson ? fail(ALREADY_LOGGED_IN) : done(redirect(exchange, target.url))

  const flow = begin(exchange, parts, {
    type: 'browser',
    returnTo: exchange.query.get('return_to') ?? undefined,
    aal: stepUp ? 'aal2' : 'aal1',
    refresh,
    canBeDone: !stepUp || hasCodes(session),
    csrf: csrf.token,
  })
  if (asJson) return done(json(200, flowDocument(flow, parts.settings.public.baseUrl)))
  return done(redirect(exchange, `${parts.settings.loginUiUrl}?flow=${flow.id}`))
}

function api(exchange: Exchange, parts: Parts): Reply {
  const session = sessionOf(exchange, parts)
  const stepUp = exchange.query.get('aal') === 'aal2'
  const refresh = exchange.query.get('refresh') === 'true'
  if (stepUp && session === undefined) return errorReply(exchange, AAL1_FIRST)
  if (session !== undefined && !refresh && (!stepUp || aalOf(session) === 'aal2')) {
    return errorReply(exchange, ALREADY_LOGGED_IN)
  }
  const aal = stepUp ? 'aal2' : 'aal1'
  const canBeDone = !stepUp || hasCodes(session)
  const flow = begin(exchange, parts, {
    type: 'api',
    returnTo: undefined,
    aal,
    refresh,
    canBeDone,
    csrf: undefined,
  })
  return json(200, flowDocument(flow, parts.settings.public.baseUrl))
}

const hasCodes = (session: Session | undefined): boolean => (session?.identity.lookupCodes.size ?? 0) > 0

type Asked = Pick<Flow, 'type' | 'returnTo' | 'aal' | 'refresh' | 'canBeDone' | 'csrf'>

function begin(exchange: Exchange, parts: Parts, asked: Asked): Flow {
  const now = parts.now()
  const flow: Flow = {
    id: randomUUID(),
    requestUrl: `${parts.settings.public.baseUrl}${exchange.target}`,
    issuedAt: now,
    expiresAt: now + HOUR,
    identifier: '',
    failed: false,
    ...asked,
  }
  parts.database.tables().flows.set(flow.id, flow)
  return flow
}

/** A browser flow is shown only to the browser that began it. */
function show(exchange: Exchange, parts: Parts): Reply {
  const flow = parts.database.tables().flows.get(exchange.query.get('id') ?? '')
  if (flow === undefined) return errorReply(exchange, NOT_FOUND)
  const { baseUrl } = parts.settings.public
  if (flow.csrf !== undefined && !csrfHolds(exchange, baseUrl, maskToken(flow.csrf))) {
    return errorReply(exchange, CSRF)
  }
  return json(200, flowDocument(flow, baseUrl))
}

function showError(exchange: Exchange, parts: Parts): Reply {
  const id = exchange.query.get('id') ?? ''
  const error = parts.database.tables().errors.get(id)
  return error === undefined ? errorReply(exchange, NOT_FOUND) : json(200, { id, error })
}

/** JSON for programs; for browsers the error page, which fetches the error by its id. */
export function failed(exchange: Exchange, parts: Parts, error: ApiError): Reply {
  if (wantsJson(exchange)) return errorReply(exchange, error)
  const id = randomUUID()
  parts.database.tables().errors.set(id, error)
  return redirect(exchange, `${parts.settings.errorUiUrl}?id=${id}`)
}

/** The flow that a submit belongs to, or Kratos' error. */
export function flowOf(exchange: Exchange, parts: Parts): Flow | ApiError {
  const flow = parts.database.tables().flows.get(exchange.query.get('flow') ?? '')
  if (flow === undefined) return NOT_FOUND
  if (flow.expiresAt > parts.now()) return flow
  return {
    ...badRequest('The login flow has expired.', 'self_service_flow_expired'),
    code: 410,
    status: 'Gone',
  }
}
