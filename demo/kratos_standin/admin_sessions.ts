/** The admin API for sessions: get, list, disable and extend. */
import type { Route } from './context.ts'
import { sessionDocument } from './documents.ts'
import { NOT_FOUND } from './errors.ts'
import { errorReply, json, noContent } from './exchange.ts'

export const adminSessions: Route = (exchange, context) => {
  const [matched, id, extend] = /^\/sessions(?:\/([^/]+))?(\/extend)?$/.exec(exchange.path) ?? []
  if (matched === undefined || id === 'whoami') return undefined
  const { sessions } = context.database.tables()
  const document = (one: Parameters<typeof sessionDocument>[0]) =>
    sessionDocument(one, context.settings.public.baseUrl, context.now())
  if (id === undefined) {
    const active = exchange.query.get('active')
    const list = [...sessions.values()].map(document)
    return json(
      200,
      list.filter(one => active === null || one.active === (active === 'true')),
    )
  }
  const session = sessions.get(id)
  if (session === undefined) return errorReply(exchange, NOT_FOUND)
  if (extend !== undefined && exchange.method === 'PATCH') {
    session.expiresAt = context.now() + context.settings.lifespanMs
    return json(200, document(session))
  }
  if (exchange.method === 'GET') return json(200, document(session))
  if (exchange.method !== 'DELETE') return undefined
  session.active = false
  return noContent([['content-type', 'application/json; charset=utf-8']])
}
