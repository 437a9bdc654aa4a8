/** demo/kratos/parts — what the rooms of the stand-in share: settings, clock, database, knobs and counters. */
import type { Database, DatabaseHealth, Session } from './database.ts'
import { decodeCookie, encodeCookie, type SessionCookieContent } from './encrypted_cookie.ts'
import type { Exchange, Reply } from './exchange.ts'
import type { RequiredAal, StandInSettings } from './settings.ts'

/** Answers of whoami that no healthy Kratos gives. */
export type WhoamiFault = 'normal' | 'error_500' | 'error_503' | 'html_200' | 'hang'

export interface Knobs {
  database: DatabaseHealth
  /** Added to every answer of the public port, ms. */
  latency: number
  whoami: WhoamiFault
  /** Added to the clock, ms. */
  clockShift: number
  requiredAal: RequiredAal
  cacheableSessions: boolean
}

export interface StandInContext {
  readonly settings: StandInSettings
  readonly database: Database
  readonly knobs: Knobs
  /** Requests since the start or the last reset, by path without ids. */
  readonly counters: Map<string, number>
  /** Milliseconds since the epoch, shifted by the knob. */
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

/** A cookie for a session, another value each time; Max-Age is the rest of the session. */
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

/** Kratos deletes by Max-Age=0 and leaves the value in place. */
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

/** A room of the stand-in: an answer, or "not mine". */
export type Route = (exchange: Exchange, parts: StandInContext) => Reply | undefined
