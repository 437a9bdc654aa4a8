/** demo/kratos/whoami — GET /sessions/whoami with every answer that Kratos has for it, and the odd ones of the knobs. */
import { presentedBy, sessionByToken } from './credentials.ts'
import { aalOf, DatabaseSick, type Session } from './database.ts'
import { type Parts, type Route, sessionCookie } from './dependencies.ts'
import { sessionDocument } from './documents.ts'
import { decodeComplaint } from './encrypted_cookie.ts'
import { AAL_NOT_SATISFIED, badRequest, NO_SESSION, serverError } from './errors.ts'
import { type Exchange, errorReply, json, type Reply } from './exchange.ts'

/** Every method gets the same answer, DELETE included: the session is shown, not deleted. */
export const whoami: Route = (exchange, parts) => {
  if (exchange.path !== '/sessions/whoami') return undefined
  return odd(exchange, parts) ?? answer(exchange, parts)
}

function answer(exchange: Exchange, parts: Parts): Reply {
  const presented = presentedBy(exchange, parts)
  if (presented.token === undefined) {
    // A cookie that does not open counts as none, and only "none" may be cached.
    const cacheable = parts.knobs.cacheableSessions ? ([['ory-session-cache-for', '60']] as const) : []
    return withHeaders(errorReply(exchange, NO_SESSION), cacheable)
  }
  const session = lookUp(parts, presented.token)
  if (session === undefined) return errorReply(exchange, NO_SESSION)
  if (aalMissing(session, parts)) return secondFactorNeeded(exchange, parts)

  const template = exchange.query.get('tokenize_as')
  if (template !== null) {
    return errorReply(exchange, badRequest(`Unable to find tokenizer template "${template}".`))
  }
  const identity = ['x-kratos-authenticated-identity-id', session.identity.id] as const
  if (presented.brokenCookie !== undefined) {
    // Kratos finds the session by its token, then fails to renew the cookie beside it.
    const complaint = serverError(decodeComplaint(presented.brokenCookie))
    return withHeaders(errorReply(exchange, complaint), [identity])
  }
  const renew = presented.sealed !== undefined && presented.sealed.expiresAt < session.expiresAt
  const seconds = Math.floor((session.expiresAt - parts.now()) / 1000)
  return json(200, sessionDocument(session, parts.settings.public.baseUrl, parts.now()), [
    identity,
    ...(parts.knobs.cacheableSessions ? [['ory-session-cache-for', String(seconds)] as const] : []),
    ...(renew ? [sessionCookie(parts, session)] : []),
  ])
}

/** A sick database is no session, exactly as in Kratos: that is why a 401 must not be remembered. */
function lookUp(parts: Parts, token: string): Session | undefined {
  try {
    return sessionByToken(parts, token)
  } catch (error) {
    if (error instanceof DatabaseSick) return undefined
    throw error
  }
}

function aalMissing(session: Session, parts: Parts): boolean {
  if (parts.knobs.requiredAal === 'aal1') return false
  return aalOf(session) === 'aal1' && session.identity.lookupCodes.size > 0
}

function secondFactorNeeded(exchange: Exchange, parts: Parts): Reply {
  const to = `${parts.settings.public.baseUrl}/self-service/login/browser?aal=aal2`
  const { message, ...head } = AAL_NOT_SATISFIED
  const error = { ...head, details: { redirect_browser_to: to }, message }
  return errorReply(exchange, error, { redirect_browser_to: to })
}

function odd(exchange: Exchange, parts: Parts): Reply | undefined {
  switch (parts.knobs.whoami) {
    case 'error_500':
      return errorReply(exchange, serverError('asked for by a knob of the stand-in'))
    case 'error_503':
      return { status: 503, headers: [['content-type', 'text/plain']], body: 'upstream connect error\n' }
    case 'html_200':
      return { status: 200, headers: [['content-type', 'text/html']], body: '<html>a portal</html>\n' }
    default:
      return undefined
  }
}

const withHeaders = (reply: Reply, more: Reply['headers']): Reply => ({
  ...reply,
  headers: [...reply.headers, ...more],
})
