/** Authenticates session cookies through Ory Kratos or another session endpoint. */
import { z } from 'zod'
import { unauthorized } from '../../access/denial.ts'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { Credential } from '../../access/verdict.ts'
import type { Cookie } from '../../http/cookies.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { publicString } from '../compile/public_config.ts'
import { type CompileContext, defineAuthenticator } from '../handler.ts'
import { withRedirectCountReset } from '../responses/redirect_loop_guard.ts'
import { type CheckSession, compileCheckSession } from '../session/check_session.ts'
import {
  compileEndpointsByHost,
  endpointsOf,
  type SessionConfig,
  sessionConfigShape,
} from '../session/config_schema.ts'
import { type CheckCredential, compileKratosCheck } from '../session/kratos_session.ts'
import { forwardCredentialSchema } from '../token/forward_credential.ts'

export const cookieSession = defineAuthenticator({
  id: 'cookie_session',
  summary: 'authenticates session cookies by asking Ory Kratos or another session endpoint',
  config: z.strictObject({
    ...sessionConfigShape,
    only: z
      .array(publicString())
      .optional()
      .describe(
        'Names of the cookies for which the authenticator applies. For Kratos, several different values are rejected. Default: any cookie; for Kratos `ory_kratos_session` and `ory_session_…`, and all cookies of a request that has neither.',
      ),
    forward_credential: forwardCredentialSchema,
  }),
  example: { check_session_url: 'http://kratos:4433/sessions/whoami', only: ['ory_kratos_session'] },
  compile(config, services, context) {
    const only = config.only ?? []
    if (only.length === 0) {
      if (config.forward_credential === false) {
        const hint = 'set only to the name of the session cookie'
        throw new HandlerConfigError(['forward_credential'], 'needs the names of the cookies to remove', hint)
      }
      warnAboutMissingNames(config, context)
    }
    const at = (url: URL, kratos: boolean) =>
      kratos
        ? authenticateKratosCookie(only, compileKratosCheck(config, url, services))
        : authenticateAnyCookie(only, compileCheckSession(config, url, FORWARDING_DEFAULTS, services))
    return withRedirectCountReset(compileEndpointsByHost(config, context, ['cookie'], at))
  },
  withholds: ({ forward_credential: forward, only = [] }) =>
    forward === false ? { cookies: only, headers: [] } : undefined,
})

function warnAboutMissingNames(config: SessionConfig, context: CompileContext): void {
  const warn = (problem: string) =>
    context.warn(
      ['only'],
      `is not set: ${problem}, and no later authenticator is tried`,
      'set it to the name of the session cookie (Q-46)',
    )
  const endpoints = endpointsOf(config)
  if (endpoints.some(({ kratos }) => kratos)) {
    warn(
      `the session is the cookie ${DEFAULT_COOKIE} or ${ORY_NETWORK_COOKIE_PREFIX}…, and Kratos receives all cookies of a request that has neither`,
    )
  }
  if (endpoints.some(({ kratos }) => !kratos)) warn('every request with any cookie ends here')
}

const FORWARDING_DEFAULTS = { always: 'cookie', subjectFrom: 'subject' } as const

function authenticateAnyCookie(cookieNames: readonly string[], check: CheckSession): Authenticate {
  const names = new Set(cookieNames)
  return request => {
    const cookies = request.cookies()
    const isResponsible = names.size === 0 ? cookies.length > 0 : cookies.some(([name]) => names.has(name))
    return isResponsible ? check(request) : NOT_RESPONSIBLE
  }
}

const NO_CREDENTIAL = unauthorized('no_credential', { reason: 'the request has no session cookie' })
/** Several cookies may each be a session of another user. Choosing one here would be a guess. */
const AMBIGUOUS_CREDENTIAL = unauthorized('ambiguous_credential', {
  reason: 'the request has several different session cookies',
})

/** Sends exactly one credential to Kratos: the value of the named cookies, which must be the same in all. */
function authenticateKratosCookie(cookieNames: readonly string[], check: CheckCredential): Authenticate {
  if (cookieNames.length === 0) return authenticateUnnamedKratosCookie(check)
  return request => {
    let isPresent = false
    let found: Credential | undefined
    for (const name of cookieNames) {
      for (const value of request.cookieValues(name)) {
        isPresent = true
        if (value === '') continue
        if (found !== undefined && found.value !== value) return AMBIGUOUS_CREDENTIAL
        found ??= { kind: 'cookie', name, value }
      }
    }
    if (found !== undefined) return check(found, request)
    return isPresent ? NO_CREDENTIAL : NOT_RESPONSIBLE
  }
}

/** The default of Kratos for `session.cookie.name`. */
const DEFAULT_COOKIE = 'ory_kratos_session'
/** Ory Network appends the slug of the project. */
const ORY_NETWORK_COOKIE_PREFIX = 'ory_session_'

/**
 * Without `only` the name is unknown, because Kratos lets operators choose it. Uses the cookies of the two
 * default names, else sends all cookies, as Oathkeeper does. Otherwise every session of a Kratos with another
 * cookie name would be rejected.
 */
function authenticateUnnamedKratosCookie(check: CheckCredential): Authenticate {
  const byDefaultName = authenticateKratosCookie([DEFAULT_COOKIE], check)
  return request => {
    const mayHaveNetworkCookie = request
      .headerValues('cookie')
      .some(line => line.includes(ORY_NETWORK_COOKIE_PREFIX))
    const networkNames = mayHaveNetworkCookie
      ? request.cookies().flatMap(([name]) => (name.startsWith(ORY_NETWORK_COOKIE_PREFIX) ? [name] : []))
      : []
    const outcome =
      networkNames.length === 0
        ? byDefaultName(request)
        : authenticateKratosCookie([DEFAULT_COOKIE, ...new Set(networkNames)], check)(request)
    return outcome === NOT_RESPONSIBLE ? checkAllCookies(request, check) : outcome
  }
}

function checkAllCookies(request: RequestView, check: CheckCredential): ReturnType<Authenticate> {
  const cookies = request.cookies()
  const [first, ...others] = cookies
  if (first === undefined) return NOT_RESPONSIBLE
  const values = new Map<string, string>()
  for (const [name, value] of cookies) {
    // One of the two may be the session, and Kratos would use the first one.
    if ((values.get(name) ?? value) !== value) return AMBIGUOUS_CREDENTIAL
    values.set(name, value)
  }
  const text = ([name, value, quoted]: Cookie) => `${name}=${quoted ? `"${value}"` : value}`
  const [name] = first
  const line = [first, ...others].map(text).join('; ')
  return check({ kind: 'cookie', name, value: line.slice(name.length + 1) }, request)
}
