/** Logout of browsers and native clients, and the endpoints for a user's other sessions. */
import { expiredSessionCookie, type Route, type StandInContext } from './context.ts'
import { currentSession } from './credentials.ts'
import { freshCsrf } from './csrf.ts'
import { DatabaseUnavailableError, isActive, type Session } from './database.ts'
import { sessionDocument } from './documents.ts'
import { badRequest, NO_SESSION_COOKIE, NOT_FOUND, UNKNOWN_TOKEN } from './errors.ts'
import {
  type Exchange,
  errorReply,
  fieldsOf,
  json,
  noContent,
  type Reply,
  redirect,
  wantsJson,
} from './exchange.ts'
import { flowErrorReply } from './login_start.ts'
import { resolveReturnTo } from './return_to.ts'

export const logout: Route = (exchange, context) => {
  const endpoint = `${exchange.method} ${exchange.path}`
  if (endpoint === 'GET /self-service/logout/browser') return logoutUrl(exchange, context)
  if (endpoint === 'GET /self-service/logout') return logOutBrowser(exchange, context)
  if (endpoint === 'DELETE /self-service/logout/api') return logOutApi(exchange, context)
  return undefined
}

function logoutUrl(exchange: Exchange, context: StandInContext): Reply {
  const session = currentSession(exchange, context)
  if (session === undefined) return errorReply(exchange, NO_SESSION_COOKIE)
  const returnTo = exchange.query.get('return_to')
  const query = new URLSearchParams({
    token: session.logoutToken,
    ...(returnTo ? { return_to: returnTo } : {}),
  })
  const url = `${context.settings.public.baseUrl}/self-service/logout?${query}`
  return json(200, { logout_url: url, logout_token: session.logoutToken })
}

function logOutBrowser(exchange: Exchange, context: StandInContext): Reply {
  const target = resolveReturnTo(context.settings, exchange.query.get('return_to'))
  if ('error' in target) return flowErrorReply(exchange, context, target.error)
  const session = currentSession(exchange, context)
  const cookies: Reply['headers'][number][] = []
  if (session !== undefined) {
    if (session.logoutToken !== exchange.query.get('token')) {
      return flowErrorReply(exchange, context, {
        ...UNKNOWN_TOKEN,
        reason: 'Unable to log out: the token is not yours.',
      })
    }
    session.active = false
    cookies.push(
      expiredSessionCookie(context, session),
      ...freshCsrf(context.settings.public.baseUrl).setCookie,
    )
  }
  return wantsJson(exchange) ? noContent(cookies) : redirect(exchange, target.url, cookies)
}

/** 204 for a known token, also when it is repeated; 403 for an unknown one. */
function logOutApi(exchange: Exchange, context: StandInContext): Reply {
  const token = fieldsOf(exchange).session_token
  const session = [...context.database.tables().sessions.values()].find(one => one.token === token)
  if (session === undefined) return errorReply(exchange, UNKNOWN_TOKEN)
  session.active = false
  return noContent()
}

/** GET and DELETE /sessions: the other sessions of the user. */
export const mySessions: Route = (exchange, context) => {
  const [matched, id] = /^\/sessions(?:\/([^/]+))?$/.exec(exchange.path) ?? []
  if (matched === undefined || id === 'whoami') return undefined
  const own = sessionOrUndefined(exchange, context)
  if (own === undefined) return errorReply(exchange, NO_SESSION_COOKIE)
  const tables = context.database.tables()
  const others = [...tables.sessions.values()].filter(
    one => one.identity === own.identity && one !== own && isActive(one, context.now()),
  )
  if (exchange.method === 'GET' && id === undefined) {
    const list = others.map(one => sessionDocument(one, context.settings.public.baseUrl, context.now()))
    return json(200, list, [['x-total-count', String(list.length)]])
  }
  if (exchange.method !== 'DELETE') return undefined
  if (id === undefined) {
    for (const one of others) one.active = false
    return json(200, { count: others.length })
  }
  if (id === own.id) return errorReply(exchange, badRequest('Use the logout flow for the current session.'))
  const other = others.find(one => one.id === id)
  if (other === undefined) return errorReply(exchange, NOT_FOUND)
  other.active = false
  return noContent()
}

function sessionOrUndefined(exchange: Exchange, context: StandInContext): Session | undefined {
  try {
    return currentSession(exchange, context)
  } catch (error) {
    if (error instanceof DatabaseUnavailableError) return undefined
    throw error
  }
}
