/** What the routes of the stand-in share: settings, clock, database, fault injection and counters. */
import type { Database, DatabaseHealth, Session } from './database.ts'
import type { Exchange, Reply } from './exchange.ts'
import { decodeCookie, encodeCookie, type SessionCookieContent } from './secure_cookie.ts'
import type { RequiredAal, StandInSettings } from './settings.ts'

/** Responses of whoami that a healthy Kratos never gives. */
export type WhoamiFault = 'normal' | 'error_500' | 'error_503' | 'html_200' | 'hang'

export interface Knobs {
  database: DatabaseHealth
  /** Delay of every response of the public port, ms. */
  latency: number
  whoami: WhoamiFault
  /** Offset of the clock, ms. */
  clockShift: number
  requiredAal: RequiredAal
  cacheableSessions: boolean
}

export interface StandInContext {
  readonly settings: StandInSettings
  readonly database: Database
  readonly knobs: Knobs
  /** Number of requests since the start or the last reset, by path with ids replaced. */
  readonly counters: Map<string, number>
  /** Milliseconds since the epoch, plus `clockShift`. */
  now(): number
}

export const defaultKnobs = (settings: StandInSettings): Knobs => ({
  database: 'up',
  latency: 0,
  whoami: 'normal',
  clockShift: 0,
  requiredAal: settings.requiredAal,
  cacheableSessions: settings.cacheableSessions,
})

/** Returns the session cookie. Its value differs each time; its Max-Age is the remaining lifetime of the session. */
export function sessionCookie(context: StandInContext, session: Session): readonly ['set-cookie', string] {
  const { cookieName, secret } = context.settings
  const content: SessionCookieContent = { sessionToken: session.token, expiresAt: session.expiresAt }
  const value = encodeCookie(cookieName, secret, content, context.now())
  const maxAgeSeconds = Math.max(0, Math.floor((session.expiresAt - context.now() - 1) / 1000))
  const expires = new Date(context.now() + maxAgeSeconds * 1000).toUTCString()
  return [
    'set-cookie',
    `${cookieName}=${value}; Path=/; Expires=${expires}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax`,
  ]
}

/** Kratos deletes a cookie with Max-Age=0 and still sends a value. */
export function expiredSessionCookie(
  context: StandInContext,
  session: Session,
): readonly ['set-cookie', string] {
  const [name, line] = sessionCookie(context, session)
  const value = line.slice(0, line.indexOf(';'))
  return [name, `${value}; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Lax`]
}

export const decodeSessionCookie = (
  context: StandInContext,
  value: string,
): SessionCookieContent | undefined =>
  decodeCookie(
    context.settings.cookieName,
    context.settings.secret,
    value,
    context.now(),
    context.settings.lifespanMs,
  )

/** Returns `undefined` for a request of another route. */
export type Route = (exchange: Exchange, context: StandInContext) => Reply | undefined
