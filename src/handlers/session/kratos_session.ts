/**
 * Checks a session credential with Kratos, enforces the requirements of the rule, and returns an identity or
 * a denial.
 */
import { type Awaitable, andThen } from '../../access/awaitable.ts'
import {
  type Denial,
  forbidden,
  rateLimited,
  unauthorized,
  unavailable,
  withAnnotations,
} from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Annotations, Header, Identity } from '../../access/session.ts'
import type { Credential, Verdict } from '../../access/verdict.ts'
import { acceptsHtml } from '../responses/accepts_html.ts'
import type { KratosEndpoint, Services } from '../services.ts'
import { kratosMaxAge, type SessionConfig } from './config_schema.ts'
import {
  compileRequirements,
  ENROLMENT_DENIAL,
  type UnmetRequirement,
  unmetRequirementDenial,
} from './requirements.ts'
import { compileHasSecondFactor } from './second_factor.ts'
import { compileIdentityReader, type ReadIdentity } from './subject.ts'

/** Returns the identity of a session credential, or a denial. */
export type CheckCredential = (credential: Credential, request: RequestView) => Awaitable<Identity | Denial>

/** Kratos decodes no cookie above 4,096 characters. A value of more than twice that cannot be a session. */
const MAX_CREDENTIAL_CHARS = 8_192
const CREDENTIAL_PATTERNS: Readonly<Record<Credential['kind'], RegExp>> = {
  cookie: /^[\x20-\x7e]+$/,
  token: /^[\x21-\x7e]+$/,
}
/** Two dots mean a JWT, which Kratos never accepts as a session token. */
export const JWT_PATTERN = /^[^.]*\.[^.]*\.[^.]*$/

const rejectedCredential = (reason: string): Denial => unauthorized('credential_rejected', { reason })
const NOT_A_CREDENTIAL = rejectedCredential('the value cannot be a session credential')
const NO_SESSION = rejectedCredential('no valid session')

/** Asks the client of a token for a second factor (RFC 9470 §3). */
const STEP_UP_CHALLENGE: Header = {
  name: 'www-authenticate',
  value:
    'Bearer error="insufficient_user_authentication", error_description="A second factor is required", acr_values="aal2"',
}

/** `url` is the whoami URL of the Kratos to ask. */
export function compileKratosCheck(config: SessionConfig, url: URL, services: Services): CheckCredential {
  const endpoint: KratosEndpoint = Object.freeze({
    whoamiUrl: url.href,
    headers: Object.entries(config.additional_headers ?? {}).map(([name, value]) => ({
      name: name.toLowerCase(),
      value,
    })),
    maxAge: kratosMaxAge(config),
  })
  const read = compileIdentityReader({
    subjectFrom: config.subject_from || 'identity.id',
    extraFrom: config.extra_from || '@this',
    requireSubject: config.require_subject ?? true,
  })
  const requirements = config.require
  const findUnmet = compileRequirements(requirements)
  const alwaysFresh = requirements?.fresh === true || requirements?.fresh === 'required'
  const verify = (credential: Credential, request: RequestView, fresh: boolean) =>
    services.kratos.verify(endpoint, credential, request, { fresh, stale: findUnmet === undefined && !fresh })

  const hasSecondFactor = compileHasSecondFactor(url, services.send)

  function denyUnmet(
    unmet: UnmetRequirement,
    credential: Credential,
    request: RequestView,
  ): Awaitable<Denial> {
    const denial = unmetRequirementDenial(unmet, requirements, credential.kind)
    const canAskKratos = unmet === 'second factor' && credential.kind === 'cookie' && acceptsHtml(request)
    if (!canAskKratos || hasSecondFactor === undefined) return denial
    return andThen(hasSecondFactor(credential, request), hasFactor => (hasFactor ? denial : ENROLMENT_DENIAL))
  }

  /**
   * Checks a cached session that does not meet the requirements again with Kratos, because the user may have
   * just stepped up.
   */
  function enforceRequirements(
    credential: Credential,
    request: RequestView,
    verdict: Verdict,
  ): Awaitable<Identity | Denial> {
    const unmetOf = ({ session }: Verdict & { kind: 'verified' }) =>
      findUnmet?.(session, services.clock.wall())
    const decide = (final: Verdict): Awaitable<Identity | Denial> => {
      const unmet = final.kind === 'verified' ? unmetOf(final) : undefined
      if (unmet === undefined) return verdictToOutcome(final, credential.kind, read)
      return andThen(denyUnmet(unmet, credential, request), denial =>
        withAnnotations(denial, annotationsOf(final)),
      )
    }
    const isCached = verdict.kind === 'verified' && verdict.cache !== 'miss' && verdict.cache !== 'off'
    if (!isCached || unmetOf(verdict) === undefined) return decide(verdict)
    return andThen(verify(credential, request, true), decide)
  }

  return (credential, request) => {
    const { kind, value } = credential
    if (value.length > MAX_CREDENTIAL_CHARS || !CREDENTIAL_PATTERNS[kind].test(value)) return NOT_A_CREDENTIAL
    if (kind === 'token' && JWT_PATTERN.test(value)) return NOT_A_CREDENTIAL
    return andThen(verify(credential, request, alwaysFresh), verdict =>
      enforceRequirements(credential, request, verdict),
    )
  }
}

const annotationsOf = (verdict: Verdict): Annotations =>
  'cache' in verdict && verdict.cache !== undefined ? { cache: verdict.cache } : {}

function verdictToOutcome(verdict: Verdict, kind: Credential['kind'], read: ReadIdentity): Identity | Denial {
  switch (verdict.kind) {
    case 'verified':
      return read(verdict.session.document, {
        responseHeaders: verdict.responseHeaders,
        annotations: { cache: verdict.cache },
      })
    case 'rejected':
      return withAnnotations(NO_SESSION, annotationsOf(verdict))
    case 'second factor':
      return withAnnotations(secondFactorDenial(kind, verdict.loginUrl), annotationsOf(verdict))
    case 'limited':
      return rateLimited({ headers: verdict.headers, annotations: annotationsOf(verdict) })
    case 'unavailable': {
      const { reason: why, retryAfterSeconds } = verdict
      const notes = annotationsOf(verdict)
      return unavailable(
        why,
        retryAfterSeconds === undefined ? { annotations: notes } : { annotations: notes, retryAfterSeconds },
      )
    }
  }
}

/**
 * 403 for a session cookie, so that an error handler can redirect the browser. 401 with a challenge for a
 * token.
 */
function secondFactorDenial(kind: Credential['kind'], loginUrl: string | undefined): Denial {
  const reason = 'a second factor is required'
  if (kind === 'token')
    return unauthorized('second_factor_required', { reason, headers: [STEP_UP_CHALLENGE] })
  const hints = loginUrl === undefined ? {} : { hints: { loginUrl } }
  return forbidden('second_factor_required', { reason, ...hints })
}
