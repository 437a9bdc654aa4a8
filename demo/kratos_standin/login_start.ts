/** Starts login flows of browsers and native clients, and returns them. */
import { randomUUID } from 'node:crypto'
import type { Route, StandInContext } from './context.ts'
import { currentSession } from './credentials.ts'
import { csrfMatches, csrfOf, maskToken } from './csrf.ts'
import { aalOf, type LoginFlow, type Session } from './database.ts'
import { loginFlowDocument } from './documents.ts'
import {
  AAL1_FIRST,
  ALREADY_LOGGED_IN,
  badRequest,
  CSRF_VIOLATION,
  DATABASE_ERROR,
  NOT_FOUND,
} from './errors.ts'
import {
  type ApiError,
  type Exchange,
  errorReply,
  json,
  type Reply,
  redirect,
  wantsJson,
} from './exchange.ts'
import { resolveReturnTo } from './return_to.ts'

const FLOW_LIFETIME_MS = 3_600_000

export const loginStart: Route = (exchange, context) => {
  if (exchange.method !== 'GET') return undefined
  if (exchange.path === '/self-service/login/browser') return startBrowserFlow(exchange, context)
  if (exchange.path === '/self-service/login/api') return startApiFlow(exchange, context)
  if (exchange.path === '/self-service/login/flows') return showFlow(exchange, context)
  if (exchange.path === '/self-service/errors') return showError(exchange, context)
  return undefined
}

function startBrowserFlow(exchange: Exchange, context: StandInContext): Reply {
  const asJson = wantsJson(exchange)
  const csrf = csrfOf(exchange, context.settings.public.baseUrl)
  const withCsrfCookie = (reply: Reply): Reply => ({
    ...reply,
    headers: [...reply.headers, ...csrf.setCookie],
  })
  const fail = (error: ApiError) => withCsrfCookie(flowErrorReply(exchange, context, error))

  const target = resolveReturnTo(context.settings, exchange.query.get('return_to'))
  if ('error' in target) return fail(target.error)
  // Errors for browsers are stored in the database, so without it they are JSON, too.
  if (context.database.health !== 'up') return withCsrfCookie(errorReply(exchange, DATABASE_ERROR))
  const session = currentSession(exchange, context)
  const stepUp = exchange.query.get('aal') === 'aal2'
  const refresh = exchange.query.get('refresh') === 'true'
  if (stepUp && session === undefined) return fail(AAL1_FIRST)
  const satisfied = session !== undefined && !refresh && (!stepUp || aalOf(session) === 'aal2')
  if (satisfied) return asJson ? fail(ALREADY_LOGGED_IN) : withCsrfCookie(redirect(exchange, target.url))

  const flow = createFlow(exchange, context, {
    type: 'browser',
    returnTo: exchange.query.get('return_to') ?? undefined,
    aal: stepUp ? 'aal2' : 'aal1',
    refresh,
    completable: !stepUp || hasCodes(session),
    csrf: csrf.token,
  })
  if (asJson) return withCsrfCookie(json(200, loginFlowDocument(flow, context.settings.public.baseUrl)))
  return withCsrfCookie(redirect(exchange, `${context.settings.loginUiUrl}?flow=${flow.id}`))
}

function startApiFlow(exchange: Exchange, context: StandInContext): Reply {
  const session = currentSession(exchange, context)
  const stepUp = exchange.query.get('aal') === 'aal2'
  const refresh = exchange.query.get('refresh') === 'true'
  if (stepUp && session === undefined) return errorReply(exchange, AAL1_FIRST)
  if (session !== undefined && !refresh && (!stepUp || aalOf(session) === 'aal2')) {
    return errorReply(exchange, ALREADY_LOGGED_IN)
  }
  const aal = stepUp ? 'aal2' : 'aal1'
  const completable = !stepUp || hasCodes(session)
  const flow = createFlow(exchange, context, {
    type: 'api',
    returnTo: undefined,
    aal,
    refresh,
    completable,
    csrf: undefined,
  })
  return json(200, loginFlowDocument(flow, context.settings.public.baseUrl))
}

const hasCodes = (session: Session | undefined): boolean => (session?.identity.lookupCodes.size ?? 0) > 0

type FlowRequest = Pick<LoginFlow, 'type' | 'returnTo' | 'aal' | 'refresh' | 'completable' | 'csrf'>

function createFlow(exchange: Exchange, context: StandInContext, flowRequest: FlowRequest): LoginFlow {
  const now = context.now()
  const flow: LoginFlow = {
    id: randomUUID(),
    requestUrl: `${context.settings.public.baseUrl}${exchange.target}`,
    issuedAt: now,
    expiresAt: now + FLOW_LIFETIME_MS,
    identifier: '',
    failed: false,
    ...flowRequest,
  }
  context.database.tables().loginFlows.set(flow.id, flow)
  return flow
}

/** Returns a browser flow only to the browser that started it. */
function showFlow(exchange: Exchange, context: StandInContext): Reply {
  const flow = context.database.tables().loginFlows.get(exchange.query.get('id') ?? '')
  if (flow === undefined) return errorReply(exchange, NOT_FOUND)
  const { baseUrl } = context.settings.public
  if (flow.csrf !== undefined && !csrfMatches(exchange, baseUrl, maskToken(flow.csrf))) {
    return errorReply(exchange, CSRF_VIOLATION)
  }
  return json(200, loginFlowDocument(flow, baseUrl))
}

function showError(exchange: Exchange, context: StandInContext): Reply {
  const id = exchange.query.get('id') ?? ''
  const error = context.database.tables().errors.get(id)
  return error === undefined ? errorReply(exchange, NOT_FOUND) : json(200, { id, error })
}

/** JSON for native clients. Browsers are redirected to the error page, which fetches the error by its id. */
export function flowErrorReply(exchange: Exchange, context: StandInContext, error: ApiError): Reply {
  if (wantsJson(exchange)) return errorReply(exchange, error)
  const id = randomUUID()
  context.database.tables().errors.set(id, error)
  return redirect(exchange, `${context.settings.errorUiUrl}?id=${id}`)
}

/** Returns the flow that is submitted, or Kratos' error. */
export function findFlow(exchange: Exchange, context: StandInContext): LoginFlow | ApiError {
  const flow = context.database.tables().loginFlows.get(exchange.query.get('flow') ?? '')
  if (flow === undefined) return NOT_FOUND
  if (flow.expiresAt > context.now()) return flow
  return {
    ...badRequest('The login flow has expired.', 'self_service_flow_expired'),
    code: 410,
    status: 'Gone',
  }
}
