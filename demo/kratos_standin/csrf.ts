/** The CSRF cookie of browser flows, and the masked CSRF token in their forms. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Exchange } from './exchange.ts'

/** The name contains a hash of the configured public base URL with its trailing slash. */
const csrfCookieName = (baseUrl: string): string =>
  `csrf_token_${createHash('sha256').update(`${baseUrl}/`).digest('hex')}`

export interface Csrf {
  readonly token: Buffer
  /** Set-Cookie header; empty when the browser already has the cookie. */
  readonly setCookie: readonly (readonly ['set-cookie', string])[]
}

/** Returns the token of the browser's cookie, or a new token and its cookie. */
export function csrfOf(exchange: Exchange, baseUrl: string): Csrf {
  const sent = cookieToken(exchange, baseUrl)
  return sent === undefined ? freshCsrf(baseUrl) : { token: sent, setCookie: [] }
}

export function freshCsrf(baseUrl: string): Csrf {
  const token = randomBytes(32)
  const value = `${csrfCookieName(baseUrl)}=${token.toString('base64')}`
  return {
    token,
    setCookie: [['set-cookie', `${value}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`]],
  }
}

function cookieToken(exchange: Exchange, baseUrl: string): Buffer | undefined {
  const token = Buffer.from(exchange.cookies(csrfCookieName(baseUrl))[0] ?? '', 'base64')
  return token.length === 32 ? token : undefined
}

/** Masks the token with a one-time pad (88 characters, different each time) against the BREACH attack. */
export function maskToken(token: Buffer): string {
  const pad = randomBytes(32)
  return Buffer.concat([pad, xorBytes(pad, token)]).toString('base64')
}

/** Whether the token of the form matches the cookie of the browser. */
export function csrfMatches(exchange: Exchange, baseUrl: string, formToken: unknown): boolean {
  const cookie = cookieToken(exchange, baseUrl)
  const masked = typeof formToken === 'string' ? Buffer.from(formToken, 'base64') : Buffer.alloc(0)
  if (cookie === undefined || masked.length !== 64) return false
  return timingSafeEqual(xorBytes(masked.subarray(0, 32), masked.subarray(32)), cookie)
}

const xorBytes = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)))
