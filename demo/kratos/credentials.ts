/** demo/kratos/credentials — which session a request presents: token, then cookie, then Bearer. Answers nothing. */
import { isActive, type Session } from './database.ts'
import { decodeSessionCookie, type StandInContext } from './dependencies.ts'
import type { SessionCookieContent } from './encrypted_cookie.ts'
import type { Exchange } from './exchange.ts'

export interface PresentedCredential {
  /** The session token that Kratos would look up. */
  readonly token: string | undefined
  readonly source: 'header' | 'cookie' | 'bearer' | 'none'
  /** The first cookie of the name that opens. */
  readonly sealed: SessionCookieContent | undefined
  /** The first cookie of the name where none of them opens. */
  readonly brokenCookie: string | undefined
}

export function presentedCredential(exchange: Exchange, context: StandInContext): PresentedCredential {
  const values = exchange.cookies(context.settings.cookieName)
  const sealed = values.map(value => decodeSessionCookie(context, value)).find(one => one !== undefined)
  const cookie = { sealed, brokenCookie: sealed === undefined ? values[0] : undefined }

  const token = exchange.header('x-session-token')?.trim()
  if (token) return { token, source: 'header', ...cookie }
  if (sealed !== undefined) return { token: sealed.sessionToken, source: 'cookie', ...cookie }
  const bearer = bearerToken(exchange)
  if (bearer !== undefined) return { token: bearer, source: 'bearer', ...cookie }
  return { token: undefined, source: 'none', ...cookie }
}

/** Two parts between single blanks, the scheme in any case; two blanks make three parts and no token. */
function bearerToken(exchange: Exchange): string | undefined {
  const fields = (exchange.header('authorization') ?? '').split(' ')
  return fields.length === 2 && fields[0]?.toLowerCase() === 'bearer' && fields[1] !== ''
    ? fields[1]
    : undefined
}

/** The living session that a request presents. Throws DatabaseSick if it had to be looked up and could not. */
export function currentSession(exchange: Exchange, context: StandInContext): Session | undefined {
  const { token } = presentedCredential(exchange, context)
  return token === undefined ? undefined : sessionByToken(context, token)
}

export function sessionByToken(context: StandInContext, token: string): Session | undefined {
  const session = [...context.database.tables().sessions.values()].find(one => one.token === token)
  return session !== undefined && isActive(session, context.now()) ? session : undefined
}
