/**
 * Compiles `require`: what a rule requires of an active session, such as a second factor or a recent login.
 */
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
import { millis, parseDuration, type WallTime } from '../../lib/time.ts'
import { durationSchema } from '../compile/duration_schema.ts'
import { publicString } from '../compile/public_config.ts'

const ASSURANCE_LEVELS: readonly AssuranceLevel[] = ['aal0', 'aal1', 'aal2', 'aal3']

export const requirementsSchema = z
  .strictObject({
    aal: z
      .enum(['aal1', 'aal2', 'aal3'])
      .optional()
      .describe('Minimum authenticator assurance level. aal2 requires a second factor.'),
    authenticated_within: durationSchema('10m')
      .optional()
      .describe('Maximum time since the last authentication of the user.'),
    methods: z
      .array(publicString())
      .optional()
      .describe('Authentication methods, such as webauthn or totp. The session must have used one of them.'),
    fresh: z
      .union([z.boolean(), z.literal('required')])
      .optional()
      .describe(
        'Whether to ask Kratos for each request of this rule; `required` is the same as true. Default: false.',
      ),
  })
  .optional()
  .describe('Requirements for the session beyond being active. Oathkeeper does not have this key.')

export type SessionRequirements = z.infer<typeof requirementsSchema>

/** The requirement that a session does not meet. */
export type UnmetRequirement = 'second factor' | 'too old' | 'method' | 'method of a second factor'
/** Returns the first requirement that the session does not meet. */
export type FindUnmetRequirement = (session: VerifiedSession, now: WallTime) => UnmetRequirement | undefined

/**
 * Returns `undefined` if nothing is required. A cached session may fail a requirement that the current one
 * meets, but never the reverse. Within a session levels only rise and times only increase.
 */
export function compileRequirements(requirements: SessionRequirements): FindUnmetRequirement | undefined {
  const { aal, authenticated_within: maxAuthenticationAge, methods } = requirements ?? {}
  if (!aal && !maxAuthenticationAge && !methods?.length) return undefined
  const minLevel = ASSURANCE_LEVELS.indexOf(aal ?? 'aal0')
  const maxAgeMs = maxAuthenticationAge
    ? (parseDuration(maxAuthenticationAge) ?? millis(0))
    : millis(Number.POSITIVE_INFINITY)
  const acceptedMethods = new Set(methods ?? [])
  const method = [...acceptedMethods].some(accepted => SECOND_FACTOR_METHODS.has(accepted))
    ? 'method of a second factor'
    : 'method'
  return (session, now) => {
    if (ASSURANCE_LEVELS.indexOf(session.aal) < minLevel) return 'second factor'
    if (now - session.authenticatedAt > maxAgeMs) return 'too old'
    return acceptedMethods.size > 0 &&
      !methodsOf(session.document.authentication_methods).some(used => acceptedMethods.has(used))
      ? method
      : undefined
  }
}

/** Methods of Kratos' login flow with `aal=aal2`. webauthn counts although it may also be the first factor. */
const SECOND_FACTOR_METHODS: ReadonlySet<string> = new Set(['totp', 'lookup_secret', 'webauthn'])

const methodsOf = (value: Json | undefined): readonly string[] =>
  Array.isArray(value)
    ? value.flatMap(entry => (typeof entry?.method === 'string' ? [entry.method] : []))
    : []

interface DenialTerms {
  readonly code: ReasonCode
  readonly reason: string
  /** Parameters of a login flow of Kratos in which the user can meet the requirement. */
  readonly login: NonNullable<DenialHints['loginQuery']>
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
  // `refresh` asks for the factor again even if the session has one of another method.
  'method of a second factor': {
    code: 'reauthentication_required',
    reason: 'another authentication method is required',
    login: { aal: 'aal2', refresh: 'true' },
  },
}

/** Challenge with all requirements of the rule, so that one authentication can meet them (RFC 9470 §3). */
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

/** Denial for an account without a second factor. No login flow can help; the user must set one up first. */
export const ENROLMENT_DENIAL: Denial = forbidden('second_factor_required', {
  reason: 'a second factor is required, and the account has none',
  hints: { enrollmentRequired: true },
})

/**
 * 403 for a session cookie, so that an error handler can redirect the browser. 401 with a challenge for a
 * token (RFC 9470).
 */
export function unmetRequirementDenial(
  unmet: UnmetRequirement,
  requirements: SessionRequirements,
  kind: Credential['kind'],
): Denial {
  const { code, reason, login } = DENIAL_TERMS[unmet]
  if (kind === 'cookie') return forbidden(code, { reason, hints: { loginQuery: login } })
  const challenge = { name: 'www-authenticate', value: challengeOf(reason, requirements) }
  return unauthorized(code, { reason, headers: [challenge] })
}
