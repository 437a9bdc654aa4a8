/** Selects the session that a request presents: by X-Session-Token, then by cookie, then by Bearer token. */
import { decodeSessionCookie, type StandInContext } from './context.ts'
import { isActive, type Session } from './database.ts'
import type { Exchange } from './exchange.ts'
import type { SessionCookieContent } from './secure_cookie.ts'

export interface PresentedCredential {
  /** The session token that Kratos would look up. */
  readonly token: string | undefined
  readonly source: 'header' | 'cookie' | 'bearer' | 'none'
  /** Content of the first session cookie that can be decoded. */
  readonly sessionCookie: SessionCookieContent | undefined
  /** Value of the first session cookie, when none can be decoded. */
  readonly undecodableCookie: string | undefined
}

export function presentedCredential(exchange: Exchange, context: StandInContext): PresentedCredential {
  const values = exchange.cookies(context.settings.cookieName)
  const sessionCookie = values
    .map(value => decodeSessionCookie(context, value))
    .find(content => content !== undefined)
  const cookie = { sessionCookie, undecodableCookie: sessionCookie === undefined ? values[0] : undefined }

  const token = exchange.header('x-session-token')?.trim()
  if (token) return { token, source: 'header', ...cookie }
  if (sessionCookie !== undefined) return { token: sessionCookie.sessionToken, source: 'cookie', ...cookie }
  const bearer = bearerToken(exchange)
  if (bearer !== undefined) return { token: bearer, source: 'bearer', ...cookie }
  return { token: undefined, source: 'none', ...cookie }
}

/** The scheme may have any case. Two spaces make three parts, and Kratos finds no token then. */
function bearerToken(exchange: Exchange): string | undefined {
  const fields = (exchange.header('authorization') ?? '').split(' ')
  return fields.length === 2 && fields[0]?.toLowerCase() === 'bearer' && fields[1] !== ''
    ? fields[1]
    : undefined
}

/** Returns the active session that a request presents. Throws DatabaseUnavailableError when it cannot be looked up. */
export function currentSession(exchange: Exchange, context: StandInContext): Session | undefined {
  const { token } = presentedCredential(exchange, context)
  return token === undefined ? undefined : sessionByToken(context, token)
}

export function sessionByToken(context: StandInContext, token: string): Session | undefined {
  const session = [...context.database.tables().sessions.values()].find(one => one.token === token)
  return session !== undefined && isActive(session, context.now()) ? session : undefined
}
