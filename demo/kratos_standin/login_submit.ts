/** Handles POST /self-service/login with a password or a backup code, as JSON or as a form. */

import { type Route, type StandInContext, sessionCookie } from './context.ts'
import { currentSession } from './credentials.ts'
import { csrfMatches, freshCsrf } from './csrf.ts'
import {
  identityByIdentifier,
  type LoginFlow,
  newSession,
  passwordMatches,
  type Session,
} from './database.ts'
import { loginFlowDocument, sessionDocument } from './documents.ts'
import { badRequest, CSRF_VIOLATION } from './errors.ts'
import { type Exchange, errorReply, fieldsOf, json, type Reply, redirect, wantsJson } from './exchange.ts'
import { findFlow, flowErrorReply } from './login_start.ts'
import { resolveReturnTo } from './return_to.ts'

export const loginSubmit: Route = (exchange, context) => {
  if (exchange.path !== '/self-service/login' || exchange.method !== 'POST') return undefined
  const flow = findFlow(exchange, context)
  if ('code' in flow) return flowErrorReply(exchange, context, flow)
  const fields = fieldsOf(exchange)
  if (flow.type === 'api') {
    // A native client sends neither header. A browser that does could be controlled by another site's page.
    if (exchange.header('cookie') !== undefined || exchange.header('origin') !== undefined) {
      const reason = 'The HTTP Request Header included the "Cookie" or "Origin" key, indicating a browser.'
      return errorReply(exchange, badRequest(reason))
    }
  } else if (!csrfMatches(exchange, context.settings.public.baseUrl, fields.csrf_token)) {
    return flowErrorReply(exchange, context, CSRF_VIOLATION)
  }
  const session = authenticate(exchange, context, flow, fields)
  return session === undefined
    ? rejectLogin(exchange, context, flow, fields)
    : completeLogin(exchange, context, flow, session)
}

function authenticate(
  exchange: Exchange,
  context: StandInContext,
  flow: LoginFlow,
  fields: Readonly<Record<string, unknown>>,
): Session | undefined {
  const tables = context.database.tables()
  const now = context.now()
  const existing = currentSession(exchange, context)
  if (flow.aal === 'aal2') {
    const code = String(fields.lookup_secret)
    if (existing === undefined || !existing.identity.lookupCodes.delete(code)) return undefined
    return renewSession(existing, now, context.settings.lifespanMs, 'lookup_secret', 'aal2')
  }
  const identity = identityByIdentifier(tables, fields.identifier)
  if (!passwordMatches(identity, fields.password) || identity.state !== 'active') return undefined
  if (flow.refresh && existing?.identity === identity) {
    return renewSession(existing, now, context.settings.lifespanMs, 'password', 'aal1')
  }
  const device = { remote: exchange.remote, userAgent: exchange.header('user-agent') ?? null }
  const session = newSession(identity, now, context.settings.lifespanMs, device)
  tables.sessions.set(session.id, session)
  return session
}

/** Step-up and refresh keep the id and the token of the session and update its times. */
function renewSession(
  session: Session,
  now: number,
  lifespan: number,
  method: string,
  aal: 'aal1' | 'aal2',
): Session {
  session.methods = [...session.methods, { method, aal, completedAt: now }]
  session.authenticatedAt = now
  session.issuedAt = now
  session.expiresAt = now + lifespan
  return session
}

function rejectLogin(
  exchange: Exchange,
  context: StandInContext,
  flow: LoginFlow,
  fields: Readonly<Record<string, unknown>>,
): Reply {
  flow.failed = true
  flow.identifier = String(fields.identifier ?? '')
  if (flow.type === 'browser' && !wantsJson(exchange)) {
    return redirect(exchange, `${context.settings.loginUiUrl}?flow=${flow.id}`)
  }
  return json(400, loginFlowDocument(flow, context.settings.public.baseUrl))
}

function completeLogin(
  exchange: Exchange,
  context: StandInContext,
  flow: LoginFlow,
  session: Session,
): Reply {
  const { baseUrl } = context.settings.public
  context.database.tables().loginFlows.delete(flow.id)
  const document = sessionDocument(session, baseUrl, context.now())
  if (flow.type === 'api') {
    return json(200, { session_token: session.token, session: document, continue_with: null })
  }
  const target = resolveReturnTo(context.settings, flow.returnTo ?? null)
  const to = 'url' in target ? target.url : context.settings.defaultReturnUrl
  const cookies = [...freshCsrf(baseUrl).setCookie, sessionCookie(context, session)]
  if (!wantsJson(exchange)) return redirect(exchange, to, cookies)
  const next = [{ action: 'redirect_browser_to', redirect_browser_to: to }]
  return json(200, { session: document, continue_with: next }, cookies)
}
