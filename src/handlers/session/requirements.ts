/** handlers/parts/session_demands — what a rule demands of a live session beyond being one: second factor, freshness, methods. Knows a verified session, no cache. */
import { z } from 'zod'
import {
  type Denial,
  type DenialHints,
  forbidden,
  type ReasonCode,
  unauthorized,
} from '../../access/denial.ts'
import type { Json } from '../../access/session.ts'
import type { AssuranceLevel, Credential, VerifiedSession } from '../../access/verdict.ts'
import { DURATION_PATTERN, millis, parseDuration, type WallTime } from '../../lib/time.ts'

const ASSURANCE_LEVELS: readonly AssuranceLevel[] = ['aal0', 'aal1', 'aal2', 'aal3']

export const requirementsSchema = z
  .strictObject({
    aal: z
      .enum(['aal1', 'aal2', 'aal3'])
      .optional()
      .describe('least assurance level; aal2 is a second factor'),
    authenticated_within: z
      .string()
      .regex(DURATION_PATTERN, 'must be a whole number and one unit, like 10m')
      .optional()
      .describe('longest time since the person last proved who they are'),
    methods: z
      .array(z.string())
      .optional()
      .describe(
        'authentication methods, one of which the session must have been made with: webauthn, totp, …',
      ),
    fresh: z
      .union([z.boolean(), z.literal('required')])
      .optional()
      .describe('true or `required` asks Kratos for each request of this rule; default false'),
  })
  .optional()
  .describe('what the session must be beyond alive; ours, Oathkeeper does not know it')

export type SessionRequirements = z.infer<typeof requirementsSchema>

/** Which demand a session does not meet; `undefined` when it meets all. */
export type UnmetRequirement = 'second factor' | 'too old' | 'method' | 'method of a second factor'
export type FindUnmetRequirement = (session: VerifiedSession, now: WallTime) => UnmetRequirement | undefined

/** `undefined` where nothing is demanded. Stale knowledge errs on the safe side: levels only rise, times only move on (kratos 2.5, 2.6). */
export function compileRequirements(requirements: SessionRequirements): FindUnmetRequirement | undefined {
  const { aal, authenticated_within: maxAuthenticationAge, methods } = requirements ?? {}
  if (!aal && !maxAuthenticationAge && !methods?.length) return undefined
  const minLevel = ASSURANCE_LEVELS.indexOf(aal ?? 'aal0')
  const maxAgeMs = maxAuthenticationAge
    ? (parseDuration(maxAuthenticationAge) ?? millis(0))
    : millis(Number.POSITIVE_INFINITY)
  const acceptedMethods = new Set(methods ?? [])
  const method = [...acceptedMethods].some(one => SECOND_FACTOR_METHODS.has(one))
    ? 'method of a second factor'
    : 'method'
  return (session, now) => {
    if (ASSURANCE_LEVELS.indexOf(session.aal) < minLevel) return 'second factor'
    if (now - session.authenticatedAt > maxAgeMs) return 'too old'
    return acceptedMethods.size > 0 &&
      !methodsOf(session.document.authentication_methods).some(one => acceptedMethods.has(one))
      ? method
      : undefined
  }
}

/** Methods that Kratos asks for in its `aal=aal2` flow; webauthn also is one, where it is not the first factor. */
const SECOND_FACTOR_METHODS: ReadonlySet<string> = new Set(['totp', 'lookup_secret', 'webauthn'])

const methodsOf = (value: Json | undefined): readonly string[] =>
  Array.isArray(value) ? value.flatMap(one => (typeof one?.method === 'string' ? [one.method] : [])) : []

interface DenialTerms {
  readonly code: ReasonCode
  readonly reason: string
  /** Parameters of the login flow in which the demand can be met (kratos 6.1). */
  readonly login: NonNullable<DenialHints['login']>
}

const DENIAL_TERMS: Readonly<Record<UnmetRequirement, DenialTerms>> = {
  'second factor': {
    code: 'second_factor_required',
    reason: 'a second factor is required',
    login: { aal: 'aal2' },
  },
  'too old': {
    code: 'reauthentication_required',
    reason: 'a more recent authentication is required',
    login: { refresh: 'true' },
  },
  method: {
    code: 'reauthentication_required',
    reason: 'another authentication method is required',
    login: { refresh: 'true' },
  },
  // Asked for again even where the session has a second factor by another method.
  'method of a second factor': {
    code: 'reauthentication_required',
    reason: 'another authentication method is required',
    login: { aal: 'aal2', refresh: 'true' },
  },
}

/** RFC 9470 §3: all that the rule demands, so that one authentication can meet it. */
function challengeOf(reason: string, requirements: SessionRequirements): string {
  const { aal, authenticated_within: maxAuthenticationAge } = requirements ?? {}
  const seconds = maxAuthenticationAge
    ? Math.floor((parseDuration(maxAuthenticationAge) ?? 0) / 1000)
    : undefined
  return [
    'Bearer error="insufficient_user_authentication"',
    `error_description="${reason}"`,
    ...(aal ? [`acr_values="${aal}"`] : []),
    ...(seconds === undefined ? [] : [`max_age="${seconds}"`]),
  ].join(', ')
}

/** An account without a second factor: no login can help (kratos 6.1). */
export const ENROLMENT_DENIAL: Denial = forbidden('second_factor_required', {
  reason: 'a second factor is required, and the account has none',
  hints: { enrol: true },
})

/** A browser's session is refused with 403, the bearer of a token is told by a challenge (RFC 9470, architecture 14.10). */
export function unmetRequirementDenial(
  unmet: UnmetRequirement,
  requirements: SessionRequirements,
  kind: Credential['kind'],
): Denial {
  const { code, reason, login } = DENIAL_TERMS[unmet]
  if (kind === 'cookie') return forbidden(code, { reason, hints: { login } })
  const challenge = { name: 'www-authenticate', value: challengeOf(reason, requirements) }
  return unauthorized(code, { reason, headers: [challenge] })
}
