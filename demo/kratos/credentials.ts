/** demo/kratos/credentials — which session a request presents: token, then cookie, then Bearer. Answers nothing. */
import { isAlive, type Session } from './database.ts'
import { openSessionCookie, type Parts } from './dependencies.ts'
import type { Sealed } from './encrypted_cookie.ts'
import type { Exchange } from './exchange.ts'

export interface Presented {
  /** The session token that Kratos would look up. */
  readonly token: string | undefined
  readonly source: 'header' | 'cookie' | 'bearer' | 'none'
  /** The first cookie of the name that opens. */
  readonly sealed: Sealed | undefined
  /** The first cookie of the name where none of them opens. */
  readonly brokenCookie: string | undefined
}

export function presentedBy(exchange: Exchange, parts: Parts): Presented {
  const values = exchange.cookies(parts.settings.cookieName)
  const sealed = values.map(value => openSessionCookie(parts, value)).find(one => one !== undefined)
  const cookie = { sealed, brokenCookie: sealed === undefined ? values[0] : undefined }

  const token = exchange.header('x-session-token')?.trim()
  if (token) return { token, source: 'header', ...cookie }
  if (sealed !== undefined) return { token: sealed.sessionToken, source: 'cookie', ...cookie }
  const bearer = bearerOf(exchange)
  if (bearer !== undefined) return { token: bearer, source: 'bearer', ...cookie }
  return { token: undefined, source: 'none', ...cookie }
}

/** Two parts between single blanks, the scheme in any case; two blanks make three parts and no token. */
function bearerOf(exchange: Exchange): string | undefined {
  const parts = (exchange.header('authorization') ?? '').split(' ')
  return parts.length === 2 && parts[0]?.toLowerCase() === 'bearer' && parts[1] !== '' ? parts[1] : undefined
}

/** The living session that a request presents. Throws DatabaseSick if it had to be looked up and could not. */
export function sessionOf(exchange: Exchange, parts: Parts): Session | undefined {
  const { token } = presentedBy(exchange, parts)
  return token === undefined ? undefined : sessionByToken(parts, token)
}

export function sessionByToken(parts: Parts, token: string): Session | undefined {
  const session = [...parts.database.tables().sessions.values()].find(one => one.token === token)
  return session !== undefined && isAlive(session, parts.now()) ? session : undefined
}
