/** /sessions/whoami with all of Kratos' responses, and those of fault injection. */

import { type Route, type StandInContext, sessionCookie } from './context.ts'
import { presentedCredential, sessionByToken } from './credentials.ts'
import { aalOf, DatabaseUnavailableError, type Session } from './database.ts'
import { sessionDocument } from './documents.ts'
import { AAL_NOT_SATISFIED, badRequest, NO_SESSION, serverError } from './errors.ts'
import { type Exchange, errorReply, json, type Reply } from './exchange.ts'
import { decodeErrorMessage } from './secure_cookie.ts'

/** As in Kratos, every method has the same response; DELETE does not delete the session. */
export const whoami: Route = (exchange, context) => {
  if (exchange.path !== '/sessions/whoami') return undefined
  return injectedFault(exchange, context) ?? sessionReply(exchange, context)
}

function sessionReply(exchange: Exchange, context: StandInContext): Reply {
  const presented = presentedCredential(exchange, context)
  if (presented.token === undefined) {
    // As in Kratos, an undecodable cookie counts as absent, and only an absent credential is cacheable.
    const cacheable = context.knobs.cacheableSessions ? ([['ory-session-cache-for', '60']] as const) : []
    return withHeaders(errorReply(exchange, NO_SESSION), cacheable)
  }
  const session = lookUp(context, presented.token)
  if (session === undefined) return errorReply(exchange, NO_SESSION)
  if (aalMissing(session, context)) return secondFactorNeeded(exchange, context)

  const template = exchange.query.get('tokenize_as')
  if (template !== null) {
    return errorReply(exchange, badRequest(`Unable to find tokenizer template "${template}".`))
  }
  const identity = ['x-kratos-authenticated-identity-id', session.identity.id] as const
  if (presented.undecodableCookie !== undefined) {
    // Kratos finds the session by its token and then fails to renew the undecodable cookie.
    const cookieError = serverError(decodeErrorMessage(presented.undecodableCookie))
    return withHeaders(errorReply(exchange, cookieError), [identity])
  }
  const renew = presented.sessionCookie !== undefined && presented.sessionCookie.expiresAt < session.expiresAt
  const seconds = Math.floor((session.expiresAt - context.now()) / 1000)
  return json(200, sessionDocument(session, context.settings.public.baseUrl, context.now()), [
    identity,
    ...(context.knobs.cacheableSessions ? [['ory-session-cache-for', String(seconds)] as const] : []),
    ...(renew ? [sessionCookie(context, session)] : []),
  ])
}

/** As in Kratos, a database failure counts as no session. This is why a 401 must not be cached unconditionally. */
function lookUp(context: StandInContext, token: string): Session | undefined {
  try {
    return sessionByToken(context, token)
  } catch (error) {
    if (error instanceof DatabaseUnavailableError) return undefined
    throw error
  }
}

function aalMissing(session: Session, context: StandInContext): boolean {
  if (context.knobs.requiredAal === 'aal1') return false
  return aalOf(session) === 'aal1' && session.identity.lookupCodes.size > 0
}

function secondFactorNeeded(exchange: Exchange, context: StandInContext): Reply {
  const to = `${context.settings.public.baseUrl}/self-service/login/browser?aal=aal2`
  const { message, ...head } = AAL_NOT_SATISFIED
  const error = { ...head, details: { redirect_browser_to: to }, message }
  return errorReply(exchange, error, { redirect_browser_to: to })
}

function injectedFault(exchange: Exchange, context: StandInContext): Reply | undefined {
  switch (context.knobs.whoami) {
    case 'error_500':
      return errorReply(exchange, serverError('injected by the stand-in'))
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
