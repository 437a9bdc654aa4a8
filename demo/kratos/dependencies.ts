/** demo/kratos/parts — what the rooms of the stand-in share: settings, clock, database, knobs and counters. */
import type { Database, Health, Session } from './database.ts'
import { openCookie, type Sealed, sealCookie } from './encrypted_cookie.ts'
import type { Exchange, Reply } from './exchange.ts'
import type { RequiredAal, Settings } from './settings.ts'

/** Answers of whoami that no healthy Kratos gives. */
export type Odd = 'normal' | 'error_500' | 'error_503' | 'html_200' | 'hang'

export interface Knobs {
  database: Health
  /** Added to every answer of the public port, ms. */
  latency: number
  whoami: Odd
  /** Added to the clock, ms. */
  clockShift: number
  requiredAal: RequiredAal
  cacheableSessions: boolean
}

export interface Parts {
  readonly settings: Settings
  readonly database: Database
  readonly knobs: Knobs
  /** Requests since the start or the last reset, by path without ids. */
  readonly counters: Map<string, number>
  /** Milliseconds since the epoch, shifted by the knob. */
  now(): number
}

export const knobsOf = (settings: Settings): Knobs => ({
  database: 'up',
  latency: 0,
  whoami: 'normal',
  clockShift: 0,
  requiredAal: settings.requiredAal,
  cacheableSessions: settings.cacheableSessions,
})

/** A cookie for a session, another value each time; Max-Age is the rest of the session. */
export function sessionCookie(parts: Parts, session: Session): readonly ['set-cookie', string] {
  const { cookieName, secret } = parts.settings
  const sealed: Sealed = { sessionToken: session.token, expiresAt: session.expiresAt }
  const value = sealCookie(cookieName, secret, sealed, parts.now())
  const left = Math.max(0, Math.floor((session.expiresAt - parts.now() - 1) / 1000))
  const expires = new Date(parts.now() + left * 1000).toUTCString()
  return [
    'set-cookie',
    `${cookieName}=${value}; Path=/; Expires=${expires}; Max-Age=${left}; HttpOnly; SameSite=Lax`,
  ]
}

/** Kratos deletes by Max-Age=0 and leaves the value in place. */
export function deletingCookie(parts: Parts, session: Session): readonly ['set-cookie', string] {
  const [name, line] = sessionCookie(parts, session)
  const value = line.slice(0, line.indexOf(';'))
  return [name, `${value}; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Lax`]
}

export const openSessionCookie = (parts: Parts, value: string): Sealed | undefined =>
  openCookie(parts.settings.cookieName, parts.settings.secret, value, parts.now(), parts.settings.lifespan)

/** A room of the stand-in: an answer, or "not mine". */
export type Route = (exchange: Exchange, parts: Parts) => Reply | undefined
