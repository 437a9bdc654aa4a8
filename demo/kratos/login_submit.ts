/** demo/kratos/login_submit — POST /self-service/login: password or backup code, as JSON or as a form. */
import { sessionOf } from './credentials.ts'
import { csrfHolds, freshCsrf } from './csrf.ts'
import { type Flow, identityByIdentifier, newSession, passwordHolds, type Session } from './database.ts'
import { type Parts, type Route, sessionCookie } from './dependencies.ts'
import { flowDocument, sessionDocument } from './documents.ts'
import { badRequest, CSRF } from './errors.ts'
import { type Exchange, errorReply, fieldsOf, json, type Reply, redirect, wantsJson } from './exchange.ts'
import { failed, flowOf } from './login_start.ts'
import { returnTarget } from './return_to.ts'

export const loginSubmit: Route = (exchange, parts) => {
  if (exchange.path !== '/self-service/login' || exchange.method !== 'POST') return undefined
  const flow = flowOf(exchange, parts)
  if ('code' in flow) return failed(exchange, parts, flow)
  const fields = fieldsOf(exchange)
  if (flow.type === 'api') {
    // A program has neither; a browser that gets here is being used by somebody else's page.
    if (exchange.header('cookie') !== undefined || exchange.header('origin') !== undefined) {
      const reason = 'The HTTP Request Header included the "Cookie" or "Origin" key, indicating a browser.'
      return errorReply(exchange, badRequest(reason))
    }
  } else if (!csrfHolds(exchange, parts.settings.public.baseUrl, fields.csrf_token)) {
    return failed(exchange, parts, CSRF)
  }
  const session = logIn(exchange, parts, flow, fields)
  return session === undefined
    ? refused(exchange, parts, flow, fields)
    : welcome(exchange, parts, flow, session)
}

function logIn(
  exchange: Exchange,
  parts: Parts,
  flow: Flow,
  fields: Readonly<Record<string, unknown>>,
): Session | undefined {
  const tables = parts.database.tables()
  const now = parts.now()
  const present = sessionOf(exchange, parts)
  if (flow.aal === 'aal2') {
    const code = String(fields.lookup_secret)
    if (present === undefined || !present.identity.lookupCodes.delete(code)) return undefined
    return renewed(present, now, parts.settings.lifespan, 'lookup_secret', 'aal2')
  }
  const identity = identityByIdentifier(tables, fields.identifier)
  if (!passwordHolds(identity, fields.password) || identity.state !== 'active') return undefined
  if (flow.refresh && present?.identity === identity) {
    return renewed(present, now, parts.settings.lifespan, 'password', 'aal1')
  }
  const device = { remote: exchange.remote, userAgent: exchange.header('user-agent') ?? null }
  const session = newSession(identity, now, parts.settings.lifespan, device)
  tables.sessions.set(session.id, session)
  return session
}

/** Step-up and refresh keep id and token while every time moves. */
function renewed(
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

function refused(
  exchange: Exchange,
  parts: Parts,
  flow: Flow,
  fields: Readonly<Record<string, unknown>>,
): Reply {
  flow.failed = true
  flow.identifier = String(fields.identifier ?? '')
  if (flow.type === 'browser' && !wantsJson(exchange)) {
    return redirect(exchange, `${parts.settings.loginUiUrl}?flow=${flow.id}`)
  }
  return json(400, flowDocument(flow, parts.settings.public.baseUrl))
}

function welcome(exchange: Exchange, parts: Parts, flow: Flow, session: Session): Reply {
  const { baseUrl } = parts.settings.public
  parts.database.tables().flows.delete(flow.id)
  const document = sessionDocument(session, baseUrl, parts.now())
  if (flow.type === 'api') {
    return json(200, { session_token: session.token, session: document, continue_with: null })
  }
  const target = returnTarget(parts.settings, flow.returnTo ?? null)
  const to = 'url' in target ? target.url : parts.settings.defaultReturnUrl
  const cookies = [...freshCsrf(baseUrl).setCookie, sessionCookie(parts, session)]
  if (!wantsJson(exchange)) return redirect(exchange, to, cookies)
  const next = [{ action: 'redirect_browser_to', redirect_browser_to: to }]
  return json(200, { session: document, continue_with: next }, cookies)
}
