/** handlers/parts/kratos_session — a credential and Kratos' verdict on it → identity or denial. Knows no cookie, no header and no cache. */
import { type Awaitable, after } from '../../access/awaitable.ts'
import { type Denial, forbidden, noted, rateLimited, unauthorized, unavailable } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import type { Header, Identity, Notes } from '../../access/session.ts'
import type { Credential, Verdict } from '../../access/verdict.ts'
import { readsHtml } from '../responses/accepts_html.ts'
import type { KratosEndpoint, Services } from '../services.ts'
import { maxAgeOf, type SessionKeys } from './config_schema.ts'
import { compileDemands, demandDenial, ENROL_FIRST, type Unmet } from './requirements.ts'
import { compileHasSecondFactor } from './second_factor.ts'
import { compileSubject, type ReadIdentity } from './subject.ts'

export type CheckCredential = (credential: Credential, request: RequestView) => Awaitable<Identity | Denial>

/** Characters; Kratos decodes no cookie above 4096, and no server takes headers without end. */
const LONGEST = 8_192
const USABLE: Readonly<Record<Credential['kind'], RegExp>> = {
  cookie: /^[\x20-\x7e]+$/,
  token: /^[\x21-\x7e]+$/,
}
/** Two dots: a JWT, which Kratos never takes for a session (kratos 1.2). */
export const JWT = /^[^.]*\.[^.]*\.[^.]*$/

const rejected = (reason: string): Denial => unauthorized('credential_rejected', { reason })
const NOT_A_CREDENTIAL = rejected('this cannot be a credential of a session')
const NO_SESSION = rejected('no valid session')

/** RFC 9470 §3: the way in which a bearer of a token is asked for a second factor. */
const STEP_UP: Header = {
  name: 'www-authenticate',
  value:
    'Bearer error="insufficient_user_authentication", error_description="A second factor is required", acr_values="aal2"',
}

export function compileKratos(keys: SessionKeys, url: URL, services: Services): CheckCredential {
  const endpoint: KratosEndpoint = Object.freeze({
    whoamiUrl: url.href,
    headers: Object.entries(keys.additional_headers ?? {}).map(([name, value]) => ({
      name: name.toLowerCase(),
      value,
    })),
    maxAge: maxAgeOf(keys),
  })
  const read = compileSubject({
    subjectFrom: keys.subject_from || 'identity.id',
    extraFrom: keys.extra_from || '@this',
    required: keys.require_subject ?? true,
  })
  const demands = keys.require
  const judge = compileDemands(demands)
  const always = demands?.fresh === true || demands?.fresh === 'required'
  const verify = (credential: Credential, request: RequestView, fresh: boolean) =>
    services.kratos.verify(endpoint, credential, request, { fresh, stale: judge === undefined && !fresh })

  const hasSecondFactor = compileHasSecondFactor(url, services.send)

  function refused(unmet: Unmet, credential: Credential, request: RequestView): Awaitable<Denial> {
    const denial = demandDenial(unmet, demands, credential.kind)
    const asked = unmet === 'second factor' && credential.kind === 'cookie' && readsHtml(request)
    if (!asked || hasSecondFactor === undefined) return denial
    return after(hasSecondFactor(credential, request), has => (has ? denial : ENROL_FIRST))
  }

  /** A session that does not do is looked at once more: after a step-up, memory is behind (kratos 2.5, C8). */
  function held(
    credential: Credential,
    request: RequestView,
    verdict: Verdict,
  ): Awaitable<Identity | Denial> {
    const unmetBy = ({ session }: Verdict & { kind: 'verified' }) => judge?.(session, services.clock.wall())
    const end = (last: Verdict): Awaitable<Identity | Denial> => {
      const unmet = last.kind === 'verified' ? unmetBy(last) : undefined
      if (unmet === undefined) return outcome(last, credential.kind, read)
      return after(refused(unmet, credential, request), denial => noted(denial, notesOf(last)))
    }
    const known = verdict.kind === 'verified' && verdict.cache !== 'miss' && verdict.cache !== 'off'
    if (!known || unmetBy(verdict) === undefined) return end(verdict)
    return after(verify(credential, request, true), end)
  }

  return (credential, request) => {
    const { kind, value } = credential
    if (value.length > LONGEST || !USABLE[kind].test(value)) return NOT_A_CREDENTIAL
    if (kind === 'token' && JWT.test(value)) return NOT_A_CREDENTIAL
    return after(verify(credential, request, always), verdict => held(credential, request, verdict))
  }
}

/** How memory answered. */
const notesOf = (verdict: Verdict): Notes =>
  'cache' in verdict && verdict.cache !== undefined ? { cache: verdict.cache } : {}

/** Architecture 14.10. */
function outcome(verdict: Verdict, kind: Credential['kind'], read: ReadIdentity): Identity | Denial {
  switch (verdict.kind) {
    case 'verified':
      return read(verdict.session.document, {
        responseHeaders: verdict.responseHeaders,
        notes: { cache: verdict.cache },
      })
    case 'rejected':
      return noted(NO_SESSION, notesOf(verdict))
    case 'second factor':
      return noted(secondFactor(kind, verdict.loginUrl), notesOf(verdict))
    case 'limited':
      return rateLimited({ headers: verdict.headers, notes: notesOf(verdict) })
    case 'unavailable': {
      const { why, retryAfterSeconds } = verdict
      const notes = notesOf(verdict)
      return unavailable(why, retryAfterSeconds === undefined ? { notes } : { notes, retryAfterSeconds })
    }
  }
}

/** A browser can be sent on; whoever holds a token is told by a challenge. */
function secondFactor(kind: Credential['kind'], loginUrl: string | undefined): Denial {
  const reason = 'a second factor is required'
  if (kind === 'token') return unauthorized('second_factor_required', { reason, headers: [STEP_UP] })
  const hints = loginUrl === undefined ? {} : { hints: { loginUrl } }
  return forbidden('second_factor_required', { reason, ...hints })
}
