/** handlers/authenticators/bearer_token — recognises whoever holds an opaque token. Asks Kratos through memory, any other endpoint directly. */
import { z } from 'zod'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import { defineAuthenticator } from '../handler.ts'
import { compileCheckSession } from '../session/check_session.ts'
import { compileEndpointsByHost, sessionConfigShape } from '../session/config_schema.ts'
import { type CheckCredential, compileKratosCheck, JWT_PATTERN } from '../session/kratos_session.ts'
import {
  compileTokenFrom,
  type FindToken,
  findSessionToken,
  SESSION_TOKEN_HEADER,
  tokenFromSchema,
} from '../token/token_from.ts'

export const bearerToken = defineAuthenticator({
  id: 'bearer_token',
  summary: 'recognises whoever holds an opaque token, by asking Ory Kratos or another session endpoint',
  config: z.strictObject({
    ...sessionConfigShape,
    token_from: tokenFromSchema.describe(
      'where the token is; default the Authorization header with the scheme Bearer, for Kratos X-Session-Token before it',
    ),
    prefix: z
      .string()
      .optional()
      .describe('a token that does not begin so is left to the next authenticator; default none'),
  }),
  example: { check_session_url: 'http://kratos:4433/sessions/whoami', prefix: 'ory_st_' },
  compile(config, services, context) {
    const { prefix, token_from: from } = config
    return compileEndpointsByHost(config, context, (url, kratos) => {
      if (kratos) {
        const find = from === undefined || from === null ? findSessionToken : compileTokenFrom(from)
        return authenticateToken(find, prefix, checkWithKratos(compileKratosCheck(config, url, services)))
      }
      const check = compileCheckSession(config, url, FORWARDING_DEFAULTS, services)
      // Here the token only says who is responsible; what is sent is what is forwarded.
      return authenticateToken(compileTokenFrom(from), prefix, (_token, request) => check(request))
    })
  },
})

const FORWARDING_DEFAULTS = { always: 'authorization', subjectFrom: 'sub' } as const

type CheckToken = (token: string, request: RequestView) => ReturnType<Authenticate>

function authenticateToken(
  findToken: FindToken,
  prefix: string | undefined | null,
  check: CheckToken,
): Authenticate {
  return request => {
    const token = findToken(request)
    if (token === undefined) return NOT_RESPONSIBLE
    if (typeof token !== 'string') return token
    return token.startsWith(prefix ?? '') ? check(token, request) : NOT_RESPONSIBLE
  }
}

/** A JWT is for another authenticator, unless it stands where nothing but a token of Kratos can (kratos 1.2, C27). */
function checkWithKratos(check: CheckCredential): CheckToken {
  return (value, request) =>
    JWT_PATTERN.test(value) && !request.headerValues(SESSION_TOKEN_HEADER).includes(value)
      ? NOT_RESPONSIBLE
      : check({ kind: 'token', name: '', value }, request)
}
