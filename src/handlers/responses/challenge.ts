/** Denials of bearer tokens with the challenge of RFC 6750 §3. */
import { type Denial, denial, forbidden, type ReasonCode, unauthorized } from '../../access/denial.ts'

const INVALID_TOKEN_CHALLENGE = 'Bearer error="invalid_token"'

/** 401: the token is invalid. `reason` must contain nothing of the token (Q-35). */
export const invalidToken = (reason: string, code: ReasonCode = 'credential_rejected'): Denial =>
  unauthorized(code, { reason, hints: { wwwAuthenticate: INVALID_TOKEN_CHALLENGE } })

/** 403: the token is valid but was issued for something else. */
export const unsuitableToken = (reason: string): Denial =>
  forbidden('credential_rejected', { reason, hints: { wwwAuthenticate: INVALID_TOKEN_CHALLENGE } })

/** Characters of a scope in a challenge (RFC 6749 §3.3). */
const SCOPE_TOKEN = /^[!#-[\]-~]+$/

/**
 * The token lacks a required scope. Oathkeeper uses the status 401 for JWTs and 403 for introspected tokens.
 */
export function insufficientScope(status: 401 | 403, missing: string, required: readonly string[]): Denial {
  const scope = required.filter(scope => SCOPE_TOKEN.test(scope)).join(' ')
  const wwwAuthenticate = `Bearer error="insufficient_scope"${scope === '' ? '' : `, scope="${scope}"`}`
  const { message } = status === 401 ? unauthorized('scope_missing') : forbidden('scope_missing')
  const reason = `the token lacks the scope ${JSON.stringify(missing)}`
  return denial(status, 'scope_missing', message, { reason, hints: { wwwAuthenticate } })
}
