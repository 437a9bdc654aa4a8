/** demo/kratos/logout — how a user ends sessions: the browser's way, the program's way, and the list of one's own. */
import { sessionOf } from './credentials.ts'
import { freshCsrf } from './csrf.ts'
import { DatabaseSick, isAlive, type Session } from './database.ts'
import { deletingCookie, type Parts, type Route } from './dependencies.ts'
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
import { failed } from './login_start.ts'
import { returnTarget } from './return_to.ts'

export const logout: Route = (exchange, parts) => {
  const at = `${exchange.method} ${exchange.path}`
  if (at === 'GET /self-service/logout/browser') return logoutUrl(exchange, parts)
  if (at === 'GET /self-service/logout') return byBrowser(exchange, parts)
  if (at === 'DELETE /self-service/logout/api') return byProgram(exchange, parts)
  return undefined
}

function logoutUrl(exchange: Exchange, parts: Parts): Reply {
  const session = sessionOf(exchange, parts)
  if (session === undefined) return errorReply(exchange, NO_SESSION_COOKIE)
  const returnTo = exchange.query.get('return_to')
  const query = new URLSearchParams({
    token: session.logoutToken,
    ...(returnTo ? { return_to: returnTo } : {}),
  })
  const url = `${parts.settings.public.baseUrl}/self-service/logout?${query}`
  return json(200, { logout_url: url, logout_token: session.logoutToken })
}

function byBrowser(exchange: Exchange, parts: Parts): Reply {
  const target = returnTarget(parts.settings, exchange.query.get('return_to'))
  if ('error' in target) return failed(exchange, parts, target.error)
  const session = sessionOf(exchange, parts)
  const cookies: Reply['headers'][number][] = []
  if (session !== undefined) {
    if (session.logoutToken !== exchange.query.get('token')) {
      return failed(exchange, parts, {
        ...UNKNOWN_TOKEN,
        reason: 'Unable to log out: the token is not yours.',
      })
    }
    session.active = false
    cookies.push(deletingCookie(parts, session), ...freshCsrf(parts.settings.public.baseUrl).setCookie)
  }
  return wantsJson(exchange) ? noContent(cookies) : redirect(exchange, target.url, cookies)
}

/** The same token again is 204 again; an unknown one is 403. */
function byProgram(exchange: Exchange, parts: Parts): Reply {
  const token = fieldsOf(exchange).session_token
  const session = [...parts.database.tables().sessions.values()].find(one => one.token === token)
  if (session === undefined) return errorReply(exchange, UNKNOWN_TOKEN)
  session.active = false
  return noContent()
}

/** GET and DELETE /sessions: one's other sessions. */
export const mySessions: Route = (exchange, parts) => {
  const [whole, id] = /^\/sessions(?:\/([^/]+))?$/.exec(exchange.path) ?? []
  if (whole === undefined || id === 'whoami') return undefined
  const own = mine(exchange, parts)
  if (own === undefined) return errorReply(exchange, NO_SESSION_COOKIE)
  const tables = parts.database.tables()
  const others = [...tables.sessions.values()].filter(
    one => one.identity === own.identity && one !== own && isAlive(one, parts.now()),
  )
  if (exchange.method === 'GET' && id === undefined) {
    const list = others.map(one => sessionDocument(one, parts.settings.public.baseUrl, parts.now()))
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

function mine(exchange: Exchange, parts: Parts): Session | undefined {
  try {
    return sessionOf(exchange, parts)
  } catch (error) {
    if (error instanceof DatabaseSick) return undefined
    throw error
  }
}
