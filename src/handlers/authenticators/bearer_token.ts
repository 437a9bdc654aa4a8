/** Authenticates opaque tokens through Ory Kratos or another session endpoint. */
import { z } from 'zod'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import { publicString } from '../compile/public_config.ts'
import { defineAuthenticator } from '../handler.ts'
import { compileCheckSession } from '../session/check_session.ts'
import { compileEndpointsByHost, endpointsOf, sessionConfigShape } from '../session/config_schema.ts'
import { type CheckCredential, compileKratosCheck, JWT_PATTERN } from '../session/kratos_session.ts'
import { checkForwardedToken, forwardCredentialSchema, withheldToken } from '../token/forward_credential.ts'
import {
  compileFindSessionToken,
  compileTokenFrom,
  type FindToken,
  SESSION_TOKEN_HEADER,
  type TokenFrom,
  tokenFromSchema,
} from '../token/token_from.ts'

export const bearerToken = defineAuthenticator({
  id: 'bearer_token',
  summary: 'authenticates opaque tokens by asking Ory Kratos or another session endpoint',
  config: z.strictObject({
    ...sessionConfigShape,
    token_from: tokenFromSchema.describe(
      'Location of the token. Default: the Authorization header with the scheme Bearer; for Kratos also X-Session-Token. Different tokens in both are rejected.',
    ),
    prefix: publicString()
      .optional()
      .describe('Required prefix. Tokens without it are left to the next authenticator. Default: none.'),
    forward_credential: forwardCredentialSchema,
  }),
  example: { check_session_url: 'http://kratos:4433/sessions/whoami', prefix: 'ory_st_' },
  compile(config, services, context) {
    const { prefix, token_from: from } = config
    checkForwardedToken(config)
    return compileEndpointsByHost(config, context, tokenHeaders(from), (url, kratos) => {
      if (kratos) {
        const find =
          from === undefined || from === null
            ? compileFindSessionToken(token => !JWT_PATTERN.test(token) && token.startsWith(prefix ?? ''))
            : compileTokenFrom(from)
        return authenticateToken(find, prefix, checkWithKratos(compileKratosCheck(config, url, services)))
      }
      const check = compileCheckSession(config, url, FORWARDING_DEFAULTS, services)
      // The token only decides whether this authenticator applies. The endpoint receives the forwarded
      // headers.
      return authenticateToken(compileTokenFrom(from), prefix, (_token, request) => check(request))
    })
  },
  withholds(config) {
    const hasPrefix = (token: string) => token !== '' && token.startsWith(config.prefix ?? '')
    if (!endpointsOf(config).some(({ kratos }) => kratos)) return withheldToken(config, hasPrefix)
    const sessionToken = { name: SESSION_TOKEN_HEADER, isCredential: hasPrefix }
    return withheldToken(config, token => hasPrefix(token) && !JWT_PATTERN.test(token), [sessionToken])
  },
})

const FORWARDING_DEFAULTS = { always: 'authorization', subjectFrom: 'sub' } as const

/** Names of the headers in which Kratos' token is looked for. */
function tokenHeaders(from: TokenFrom): readonly string[] {
  if (from === undefined || from === null) return ['authorization', SESSION_TOKEN_HEADER]
  return 'header' in from ? [from.header.toLowerCase()] : []
}

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

/** Leaves a JWT to another authenticator, unless it stands in X-Session-Token, which only Kratos uses. */
function checkWithKratos(check: CheckCredential): CheckToken {
  return (value, request) =>
    JWT_PATTERN.test(value) && !request.headerValues(SESSION_TOKEN_HEADER).includes(value)
      ? NOT_RESPONSIBLE
      : check({ kind: 'token', name: '', value }, request)
}
