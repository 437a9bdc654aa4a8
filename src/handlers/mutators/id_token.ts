/** Sets the Authorization header of the upstream request to a signed token with claims of the session. */
import { z } from 'zod'
import { type Denial, denial, internalError } from '../../access/denial.ts'
import { type Session, withHeader } from '../../access/session.ts'
import type { IssueResult } from '../../clients/jwks/sign.ts'
import { isRecord, parseJson } from '../../golang/index.ts'
import { parseDuration } from '../../lib/time.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { durationSchema } from '../compile/duration_schema.ts'
import { publicUrlOf } from '../compile/public_config.ts'
import { compileTemplate } from '../compile/template.ts'
import { keySetUrlSchema } from '../compile/urls.ts'
import { defineMutator } from '../handler.ts'

export const idToken = defineMutator({
  id: 'id_token',
  summary: 'sets the Authorization header to a signed token with claims from a template',
  config: z.strictObject({
    issuer_url: publicUrlOf(z.string()).describe('Value of the claim iss.'),
    jwks_url: keySetUrlSchema.describe(
      'URL of the key set with the signing key: file://, http(s)://, inline://<base64>, s3://, gs:// or azblob://.',
    ),
    claims: z
      .string()
      .optional()
      .describe(
        'Template of a JSON object with further claims. Credence sets exp, jti, iat, nbf, iss and sub itself. Default: none.',
      ),
    ttl: durationSchema('15m').optional().describe('Lifetime of a token. Default: 15m.'),
    cache: z
      .strictObject({
        enabled: z.boolean().optional().describe('Whether to cache. Default: true.'),
        max_cost: z
          .int()
          .optional()
          .describe('Accepted without effect; `sessions.cache.max_entries` bounds the cache.'),
      })
      .optional()
      .describe(
        'Cache of issued tokens. A token is reused for equal claims until a tenth of its lifetime is left.',
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
    if (ttl === undefined || ttl <= 0) throw new HandlerConfigError(['ttl'], 'must be longer than 0')
    const reuse = cache?.enabled !== false
    const render = compileTemplate(claims || '{}', ['claims'], services, context, { json: true })
    return session => {
      const rendered = render(session)
      if (typeof rendered !== 'string') return rendered
      const read = parseJson(rendered)
      // Null is not an object either.
      if (!isRecord(read))
        return internalError('template', 'the template of the claims did not render a JSON object')
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
        ? issued.then(result => toSession(result, session))
        : toSession(issued, session)
    }
  },
  setsHeaders: () => ['authorization'],
})

const toSession = (issued: IssueResult, session: Session): Session | Denial =>
  issued.kind === 'issued'
    ? withHeader(session, 'authorization', `Bearer ${issued.token}`)
    : denial(500, 'internal', SIGNING_FAILED_MESSAGE, { reason: issued.reason })

/** Oathkeeper's message for keys that are unavailable or unusable. */
const SIGNING_FAILED_MESSAGE = 'An internal server error occurred, please contact the system administrator'
