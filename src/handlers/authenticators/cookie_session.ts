/** handlers/authenticators/cookie_session — recognises whoever holds a session cookie. Asks Kratos through memory, any other endpoint directly. */
import { z } from 'zod'
import { unauthorized } from '../../access/denial.ts'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import { authenticator } from '../handler.ts'
import { endsRounds } from '../responses/redirect_loop_guard.ts'
import { type CheckSession, compileCheckSession } from '../session/check_session.ts'
import { compileEndpoints, sessionKeys } from '../session/config_schema.ts'
import { type CheckCredential, compileKratos } from '../session/kratos_session.ts'

export const cookieSession = authenticator({
  id: 'cookie_session',
  summary: 'recognises whoever holds a session cookie, by asking Ory Kratos or another session endpoint',
  config: z.strictObject({
    ...sessionKeys,
    only: z
      .array(z.string())
      .optional()
      .describe(
        'cookies that make it responsible, for Kratos the first of them is the session; default any cookie, for Kratos ory_kratos_session',
      ),
  }),
  example: { check_session_url: 'http://kratos:4433/sessions/whoami', only: ['ory_kratos_session'] },
  compile(config, services, context) {
    const only = config.only ?? []
    if (only.length === 0) {
      context.warn(
        ['only'],
        'without it every request with any cookie ends here, and no later authenticator is tried',
        'name the session cookie (Q-46)',
      )
    }
    const at = (url: URL, kratos: boolean) =>
      kratos
        ? kratosCookie(only, compileKratos(config, url, services))
        : anyCookie(only, compileCheckSession(config, url, DEFAULTS, services))
    return endsRounds(compileEndpoints(config, context, at))
  },
})

const DEFAULTS = { always: 'cookie', subjectFrom: 'subject' } as const

function anyCookie(only: readonly string[], check: CheckSession): Authenticate {
  const names = new Set(only)
  return request => {
    const cookies = request.cookies()
    const responsible = names.size === 0 ? cookies.length > 0 : cookies.some(([name]) => names.has(name))
    return responsible ? check(request) : NOT_RESPONSIBLE
  }
}

const NO_CREDENTIAL = unauthorized('no_credential', { reason: 'the request has no session cookie' })
/** Kratos takes the first that decodes, and only it can tell which that is; we never pick (J11). */
const AMBIGUOUS = unauthorized('ambiguous_credential', {
  reason: 'the request has several unequal session cookies',
})

/** Exactly one credential goes to Kratos: the first configured name that has a value. Without one there is nothing to ask. */
function kratosCookie(only: readonly string[], check: CheckCredential): Authenticate {
  const names = only.length === 0 ? ['ory_kratos_session'] : only
  return request => {
    let present = false
    for (const name of names) {
      const values = request.cookieValues(name)
      if (values.length === 0) continue
      present = true
      const value = values.find(one => one !== '')
      if (value === undefined) continue
      if (values.some(other => other !== '' && other !== value)) return AMBIGUOUS
      return check({ kind: 'cookie', name, value }, request)
    }
    const responsible = only.length === 0 ? request.cookies().length > 0 : present
    return responsible ? NO_CREDENTIAL : NOT_RESPONSIBLE
  }
}
