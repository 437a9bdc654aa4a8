/** handlers/authenticators/jwt — recognises whoever brings a JWT signed by a known key. Asks for keys, never for the token. */
import { z } from 'zod'
import { type Denial, withAnnotations } from '../../access/denial.ts'
import { NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import { type Annotations, type Identity, identity } from '../../access/session.ts'
import type { JwksClient } from '../../clients/jwks/keys.ts'
import type { VerifyResult } from '../../clients/jwks/verify.ts'
import { parseGoDuration } from '../../golang/index.ts'
import { type Millis, millis, parseDuration } from '../../lib/time.ts'
import { keySetUrlSchema } from '../compile/urls.ts'
import { type CompileContext, defineAuthenticator } from '../handler.ts'
import { invalidToken } from '../responses/challenge.ts'
import { onRejectedSchema, withOnRejected } from '../responses/on_rejected.ts'
import { compileClaimChecks, type ReadClaims } from '../token/jwt_claims.ts'
import { scopeStrategySchema } from '../token/scopes.ts'
import { compileTokenFrom, tokenFromSchema } from '../token/token_from.ts'

const stringListSchema = z.array(z.string()).optional()

export const jwt = defineAuthenticator({
  id: 'jwt',
  summary: 'recognises whoever brings a JSON Web Token that one of the configured key sets verifies',
  config: z.strictObject({
    jwks_urls: z
      .array(keySetUrlSchema)
      .describe(
        'key sets, in order: http(s)://, file://, inline://<base64>, s3://, gs:// or azblob://; redirects are not followed',
      ),
    allowed_algorithms: stringListSchema.describe(
      'algorithms by name, EdDSA among them; default (and for none) RS256',
    ),
    required_scope: stringListSchema.describe('scopes that the token must have, by scope_strategy'),
    scope_strategy: scopeStrategySchema,
    target_audience: stringListSchema.describe('audiences, all of which the token must name'),
    trusted_issuers: stringListSchema.describe('issuers, one of which the token must name'),
    token_from: tokenFromSchema,
    jwks_max_wait: z
      .string()
      .optional()
      .describe('longest wait of a request for a key set; only the service’s own value counts; default 1s'),
    jwks_ttl: z
      .string()
      .optional()
      .describe(
        'how long a key set is fresh; a key that was removed ends after at most twice this; only the service’s own value counts; default 30s',
      ),
    leeway: z
      .string()
      .regex(/^[0-9]+(ns|us|ms|s|m|h)$/, 'must be a whole number and one unit, like 30s')
      .optional()
      .describe('how far the clocks of issuer and service may differ, for exp, nbf and iat; default 0s'),
    require_exp: z.boolean().optional().describe('refuses a token without exp; default false'),
    on_rejected: onRejectedSchema,
  }),
  example: {
    jwks_urls: ['https://id.example.com/.well-known/jwks.json'],
    trusted_issuers: ['https://id.example.com/'],
  },
  compile(config, { clock, jwks: keys }, context) {
    const urls = config.jwks_urls
    const algorithms = new Set(config.allowed_algorithms?.length ? config.allowed_algorithms : ['RS256'])
    warnAboutConfig(config, algorithms, keys, context)
    const tokenFrom = compileTokenFrom(config.token_from)
    const read = compileClaimChecks(config)
    return withOnRejected(config.on_rejected, request => {
      const token = tokenFrom(request)
      if (token === undefined) return NOT_RESPONSIBLE
      if (typeof token !== 'string') return token
      // Opaque tokens, and encrypted ones, are for the next authenticator (spec 4.8).
      if (token.split('.', 4).length !== 3) return NOT_RESPONSIBLE
      const verified = keys.verify({ token, urls, algorithms, deadline: request.deadline })
      if (!(verified instanceof Promise)) return toIdentity(verified, read, clock.wall())
      return verified.then(answer => toIdentity(answer, read, clock.wall()))
    })
  },
})

function toIdentity(result: VerifyResult, readClaims: ReadClaims, now: number): Identity | Denial {
  // Every failure is a 401, also that no key could be had (spec 4.8).
  if (result.kind === 'unavailable') return invalidToken(result.why, 'unavailable')
  if (result.kind === 'refused') return invalidToken(result.reason)
  const outcome = readClaims(result.claims, now)
  const notes: Annotations = { cache: result.cached ? 'hit' : 'miss' }
  if (outcome.kind === 'denial') return withAnnotations(outcome, notes)
  return identity(outcome.subject, outcome.extra, { annotations: notes })
}

type Config = z.output<typeof jwt.config>

function warnAboutConfig(
  config: Config,
  algorithms: ReadonlySet<string>,
  keys: JwksClient,
  context: CompileContext,
): void {
  if (algorithms.has('none')) context.warn(['allowed_algorithms'], 'none is never accepted')
  const hasPlainHttpUrl = config.jwks_urls.some(url => url.startsWith('http:'))
  if (hasPlainHttpUrl && [...algorithms].some(name => name.startsWith('HS'))) {
    context.warn(['allowed_algorithms'], 'shared secrets are read over plain http', 'use file:// or https://')
  }
  if (config.required_scope?.length && (config.scope_strategy ?? 'none') === 'none') {
    context.warn(['required_scope'], 'no token is accepted without a scope_strategy', 'set scope_strategy')
  }
  const options = readJwksOptions(config)
  if (options.ttl !== keys.options.ttl)
    context.warn(['jwks_ttl'], 'has no effect in a rule', SERVICE_CONFIG_HINT)
  if (options.maxWait !== keys.options.maxWait)
    context.warn(['jwks_max_wait'], 'has no effect in a rule', SERVICE_CONFIG_HINT)
}
const SERVICE_CONFIG_HINT = 'set it under authenticators.jwt.config of the service'

/** The times of key sets from the service's own config of this handler; what is no duration counts as not set. */
export function readJwksOptions(
  config: { readonly [key: string]: unknown } | undefined,
): JwksClient['options'] {
  return {
    ttl: parseAnyDuration(config?.jwks_ttl) ?? millis(30_000),
    maxWait: parseAnyDuration(config?.jwks_max_wait) ?? millis(1_000),
  }
}

function parseAnyDuration(value: unknown): Millis | undefined {
  if (typeof value !== 'string') return undefined
  const go = parseDuration(value) ?? parseGoDuration(value)
  if (go === undefined) return undefined
  const milliseconds = typeof go === 'bigint' ? Number(go) / 1e6 : go
  return milliseconds > 0 ? millis(milliseconds) : undefined
}
