/** handlers/authenticators/bearer_token — recognises whoever holds an opaque token. Asks Kratos through memory, any other endpoint directly. */
import { z } from 'zod'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import { authenticator } from '../handler.ts'
import { type CheckSession, compileCheckSession } from '../parts/check_session.ts'
import { type CheckCredential, compileKratos } from '../parts/kratos_session.ts'
import { isKratos, sessionKeys, sessionUrl } from '../parts/session_keys.ts'
import { compileTokenFrom, tokenFromSchema } from '../parts/token_from.ts'

export const bearerToken = authenticator({
  id: 'bearer_token',
  summary: 'recognises whoever holds an opaque token, by asking Ory Kratos or another session endpoint',
  config: z.strictObject({
    ...sessionKeys,
    token_from: tokenFromSchema,
    prefix: z
      .string()
      .optional()
      .describe('a token that does not begin so is left to the next authenticator; default none'),
  }),
  example: { check_session_url: 'http://kratos:4433/sessions/whoami', prefix: 'ory_st_' },
  compile(config, services, context) {
    const url = sessionUrl(config)
    const prefix = config.prefix ?? ''
    const find = compileTokenFrom(config.token_from)
    const check = isKratos(config, url)
      ? viaKratos(compileKratos(config, url, services, context))
      : // Here the token only says who is responsible; what is sent is what is forwarded.
        dropToken(compileCheckSession(config, url, DEFAULTS, services, context))
    return request => {
      const token = find(request)
      if (token === undefined) return NOT_RESPONSIBLE
      if (typeof token !== 'string') return token
      if (!token.startsWith(prefix)) return NOT_RESPONSIBLE
      return check(token, request)
    }
  },
})

const DEFAULTS = { always: 'authorization', subjectFrom: 'sub' } as const

type CheckToken = (token: string, request: RequestView) => ReturnType<Authenticate>

const viaKratos =
  (check: CheckCredential): CheckToken =>
  (value, request) =>
    check({ kind: 'token', name: '', value }, request)
const dropToken =
  (check: CheckSession): CheckToken =>
  (_token, request) =>
    check(request)
