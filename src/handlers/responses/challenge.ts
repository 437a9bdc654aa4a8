/** handlers/parts/challenge — refusals of bearer tokens with the challenge of RFC 6750 §3. Knows no token. */
import { type Denial, denial, forbidden, type ReasonCode, unauthorized } from '../../access/denial.ts'

const INVALID_TOKEN_CHALLENGE = 'Bearer error="invalid_token"'

/** 401: the token proves nothing. `reason` is short and names nothing of the token (Q-35). */
export const invalidToken = (reason: string, code: ReasonCode = 'credential_rejected'): Denial =>
  unauthorized(code, { reason, hints: { wwwAuthenticate: INVALID_TOKEN_CHALLENGE } })

/** 403: a good token, for something else. */
export const unsuitableToken = (reason: string): Denial =>
  forbidden('credential_rejected', { reason, hints: { wwwAuthenticate: INVALID_TOKEN_CHALLENGE } })

/** What may stand in the challenge (RFC 6749 §3.3). */
const SCOPE_TOKEN = /^[!#-[\]-~]+$/

/** A good token without a scope that the rule wants; `status` 401 is Oathkeeper's for JWTs. */
export function insufficientScope(status: 401 | 403, missing: string, required: readonly string[]): Denial {
  const scope = required.filter(scope => SCOPE_TOKEN.test(scope)).join(' ')
  const wwwAuthenticate = `Bearer error="insufficient_scope"${scope === '' ? '' : `, scope="${scope}"`}`
  const { message } = status === 401 ? unauthorized('scope_missing') : forbidden('scope_missing')
  const reason = `the token lacks the scope ${JSON.stringify(missing)}`
  return denial(status, 'scope_missing', message, { reason, hints: { wwwAuthenticate } })
}
