/** handlers/mutators/id_token — hands the upstream a signed token of the session, as a bearer token. Knows no key. */
import { z } from 'zod'
import { type Denial, denial, internalError } from '../../access/denial.ts'
import { type Session, withHeader } from '../../access/session.ts'
import type { IssueResult } from '../../clients/jwks/sign.ts'
import { isRecord, parseJson } from '../../golang/index.ts'
import { DURATION_PATTERN, parseDuration } from '../../lib/time.ts'
import { compileTemplate } from '../compile/template.ts'
import { keySetUrlSchema } from '../compile/urls.ts'
import { defineMutator, HandlerConfigError } from '../handler.ts'

export const idToken = defineMutator({
  id: 'id_token',
  summary: 'sets the Authorization header to a token of our own, signed, with claims from a template',
  config: z.strictObject({
    issuer_url: z.string().describe('the claim iss'),
    jwks_url: keySetUrlSchema.describe(
      'key set with the signing key: file://, http(s)://, inline://<base64>, s3://, gs:// or azblob://',
    ),
    claims: z
      .string()
      .optional()
      .describe(
        'template of a JSON object with more claims; exp, jti, iat, nbf, iss and sub are always ours',
      ),
    ttl: z
      .string()
      .regex(DURATION_PATTERN, 'must be a whole number and one unit, like 15m')
      .optional()
      .describe('lifetime of a token; default 15m'),
    cache: z
      .strictObject({
        enabled: z.boolean().optional().describe('default true'),
        max_cost: z.int().optional().describe('accepted and without effect: the memory is bounded anyway'),
      })
      .optional()
      .describe(
        'whether a token is handed out again for the same session, until a tenth of its life is left',
      ),
  }),
  example: {
    issuer_url: 'https://gateway.example.com/',
    jwks_url: 'file:///etc/credence/id_token.jwks.json',
    claims: '{"aud": ["orders"], "email": {{ print .Extra.email | toJson }}}',
  },
  compile({ issuer_url: issuer, jwks_url: url, claims, ttl: lifetime, cache }, services, context) {
    const { jwks: keys } = services
    const ttl = parseDuration(lifetime ?? '15m')
    if (ttl === undefined || ttl <= 0) throw new HandlerConfigError(['ttl'], 'must be longer than nothing')
    const reuse = cache?.enabled !== false
    const render = compileTemplate(claims || '{}', ['claims'], services, context, { json: true })
    return session => {
      const rendered = render(session)
      if (typeof rendered !== 'string') return rendered
      const read = parseJson(rendered)
      // A null is no object either.
      if (!isRecord(read)) return internalError('template', 'the template of the claims gave no JSON object')
      const issued = keys.issue({
        url,
        issuer,
        subject: session.subject,
        ttl,
        claims: read,
        renderedClaims: rendered,
        reuse,
      })
      return issued instanceof Promise
        ? issued.then(answer => toSession(answer, session))
        : toSession(issued, session)
    }
  },
  setsHeaders: () => ['authorization'],
})

const toSession = (issued: IssueResult, session: Session): Session | Denial =>
  issued.kind === 'issued'
    ? withHeader(session, 'authorization', `Bearer ${issued.token}`)
    : denial(500, 'internal', SIGNING_FAILED_MESSAGE, { reason: issued.reason })

/** Oathkeeper's, for keys that cannot be had or used. */
const SIGNING_FAILED_MESSAGE = 'An internal server error occurred, please contact the system administrator'
