/** Authenticates session cookies through Ory Kratos or another session endpoint. */
import { z } from 'zod'
import { unauthorized } from '../../access/denial.ts'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import { defineAuthenticator } from '../handler.ts'
import { withRedirectCountReset } from '../responses/redirect_loop_guard.ts'
import { type CheckSession, compileCheckSession } from '../session/check_session.ts'
import { compileEndpointsByHost, sessionConfigShape } from '../session/config_schema.ts'
import { type CheckCredential, compileKratosCheck } from '../session/kratos_session.ts'

export const cookieSession = defineAuthenticator({
  id: 'cookie_session',
  summary: 'authenticates session cookies by asking Ory Kratos or another session endpoint',
  config: z.strictObject({
    ...sessionConfigShape,
    only: z
      .array(z.string())
      .optional()
      .describe(
        'Names of the cookies for which the authenticator applies. For Kratos the first one with a value is the session. Default: any cookie; for Kratos the session is `ory_kratos_session`.',
      ),
  }),
  example: { check_session_url: 'http://kratos:4433/sessions/whoami', only: ['ory_kratos_session'] },
  compile(config, services, context) {
    const only = config.only ?? []
    if (only.length === 0) {
      context.warn(
        ['only'],
        'is not set: every request with any cookie ends here, and no later authenticator is tried',
        'set it to the name of the session cookie (Q-46)',
      )
    }
    const at = (url: URL, kratos: boolean) =>
      kratos
        ? authenticateKratosCookie(only, compileKratosCheck(config, url, services))
        : authenticateAnyCookie(only, compileCheckSession(config, url, FORWARDING_DEFAULTS, services))
    return withRedirectCountReset(compileEndpointsByHost(config, context, at))
  },
})

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
/**
 * Kratos uses the first cookie that decodes, and only Kratos can decode them. Choosing one here could select
 * another session.
 */
const AMBIGUOUS_CREDENTIAL = unauthorized('ambiguous_credential', {
  reason: 'the request has several different session cookies',
})

/** Sends exactly one credential to Kratos: the cookie of the first configured name that has a value. */
function authenticateKratosCookie(cookieNames: readonly string[], check: CheckCredential): Authenticate {
  const names = cookieNames.length === 0 ? ['ory_kratos_session'] : cookieNames
  return request => {
    let isPresent = false
    for (const name of names) {
      const values = request.cookieValues(name)
      if (values.length === 0) continue
      isPresent = true
      const value = values.find(candidate => candidate !== '')
      if (value === undefined) continue
      if (values.some(other => other !== '' && other !== value)) return AMBIGUOUS_CREDENTIAL
      return check({ kind: 'cookie', name, value }, request)
    }
    const isResponsible = cookieNames.length === 0 ? request.cookies().length > 0 : isPresent
    return isResponsible ? NO_CREDENTIAL : NOT_RESPONSIBLE
  }
}
