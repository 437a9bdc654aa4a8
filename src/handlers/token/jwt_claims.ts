/** Checks the claims of a verified JWT and derives the subject and its extra data. */
import { type Denial, unauthorized } from '../../access/denial.ts'
import type { JsonObject } from '../../access/session.ts'
import { ownMember } from '../../golang/index.ts'
import { parseDuration } from '../../lib/time.ts'
import { insufficientScope, invalidToken } from '../responses/challenge.ts'
import { compileScopeCheck, type ScopeStrategy } from './scopes.ts'

/** The part of the configuration of `jwt` that concerns claims. */
export interface ClaimRules {
  readonly required_scope?: readonly string[] | undefined
  readonly scope_strategy?: ScopeStrategy | undefined
  readonly target_audience?: readonly string[] | undefined
  readonly trusted_issuers?: readonly string[] | undefined
  readonly leeway?: string | undefined
  readonly require_exp?: boolean | undefined
}

interface TokenIdentity {
  readonly kind: 'bearer'
  readonly subject: string
  readonly extra: JsonObject
}

/** `now`: wall-clock time in ms since the epoch. */
export type ReadClaims = (claims: JsonObject, now: number) => TokenIdentity | Denial

/** The first one that a token has is used. In the extra data it is renamed to `scp`, as in Oathkeeper. */
const SCOPE_CLAIMS = ['scp', 'scope', 'scopes'] as const

/** Returns a function that checks times, audience, issuer and scopes, in Oathkeeper's order. */
export function compileClaimChecks(rules: ClaimRules): ReadClaims {
  const audiences = rules.target_audience ?? []
  const issuers = rules.trusted_issuers?.length ? new Set<unknown>(rules.trusted_issuers) : undefined
  const required = rules.required_scope ?? []
  const strategy = rules.scope_strategy ?? 'none'
  const missingScope = strategy === 'none' ? undefined : compileScopeCheck(strategy, required)
  const leeway = parseDuration(rules.leeway ?? '0s') ?? 0

  return (claims, now) => {
    const timeProblem = checkTimes(claims, now, leeway, rules.require_exp === true)
    if (timeProblem !== undefined) return invalidToken(timeProblem)
    const tokenAudience = audienceOf(claims)
    // All audiences are required.
    if (!audiences.every(audience => tokenAudience.includes(audience)))
      return invalidToken('the token is for another audience')
    if (issuers !== undefined && !issuers.has(ownMember(claims, 'iss'))) {
      return invalidToken('the issuer of the token is not trusted')
    }
    const name = SCOPE_CLAIMS.find(claim => Object.hasOwn(claims, claim))
    const scopes = name === undefined ? [] : scopesOf(claims[name])
    // Like Oathkeeper, where the strategy `none` grants no scope.
    if (missingScope === undefined && required.length > 0) return NO_STRATEGY
    const missing = missingScope?.(scopes)
    if (missing !== undefined) return insufficientScope(401, missing, required)
    const subject = ownMember(claims, 'sub')
    return {
      kind: 'bearer',
      subject: typeof subject === 'string' ? subject : '',
      extra: withScopes(claims, name, scopes),
    }
  }
}

const NO_STRATEGY = unauthorized('scope_missing', {
  reason: 'the rule requires scopes and has no scope_strategy',
})

/**
 * Checks the times that are present. 0 counts as absent, and a time that is not a number invalidates the
 * token. Returns the problem.
 */
function checkTimes(
  claims: JsonObject,
  now: number,
  leeway: number,
  requireExp: boolean,
): string | undefined {
  const exp = timestampMs(claims, 'exp')
  const nbf = timestampMs(claims, 'nbf')
  const iat = timestampMs(claims, 'iat')
  if (exp === null || nbf === null || iat === null) return 'a time of the token is not a number'
  if (exp === undefined && requireExp) return 'the token has no exp'
  // Kratos issues such tokens from a tokenizer template without a ttl.
  if (exp !== undefined && exp === iat) return 'the token expired when it was issued: its template has no ttl'
  if (exp !== undefined && now - leeway >= exp) return 'the token has expired'
  if (nbf !== undefined && now + leeway < nbf) return 'the token is not valid yet'
  if (iat !== undefined && now + leeway < iat) return 'the token was issued in the future'
  return undefined
}

/** Go stores times as 64-bit integers. */
const MAX_TIMESTAMP_SECONDS = 2 ** 63

/**
 * The claim in ms, without fractions of a second. `undefined`: absent. `null`: not a number, or out of range.
 */
function timestampMs(claims: JsonObject, name: string): number | undefined | null {
  const value = ownMember(claims, name)
  if (value === undefined || value === 0) return undefined
  return typeof value === 'number' && Math.abs(value) < MAX_TIMESTAMP_SECONDS
    ? Math.trunc(value) * 1000
    : null
}

/** A list with anything but strings counts as empty. */
function audienceOf(claims: JsonObject): readonly unknown[] {
  const aud = ownMember(claims, 'aud')
  if (typeof aud === 'string') return [aud]
  return Array.isArray(aud) && aud.every(value => typeof value === 'string') ? aud : []
}

function scopesOf(claim: JsonObject[string] | undefined): readonly string[] {
  // Like Oathkeeper: an empty string has no scope; two consecutive spaces enclose an empty scope.
  if (typeof claim === 'string') return claim === '' ? [] : claim.split(' ')
  return Array.isArray(claim) ? claim.map(scope => (typeof scope === 'string' ? scope : '')) : []
}

function withScopes(claims: JsonObject, name: string | undefined, scopes: readonly string[]): JsonObject {
  if (name === undefined || name === 'scp') return { ...claims, scp: scopes }
  const { [name]: _used, ...others } = claims
  return { ...others, scp: scopes }
}
