/** Authenticates JSON Web Tokens whose signature a configured key set verifies. */
import { z } from 'zod'
import { type Denial, withAnnotations } from '../../access/denial.ts'
import { NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import { type Annotations, type Identity, identity } from '../../access/session.ts'
import type { JwksClient } from '../../clients/jwks/client.ts'
import type { VerifyResult } from '../../clients/jwks/verify.ts'
import { parseGoDuration } from '../../golang/index.ts'
import { type Millis, millis, parseDuration } from '../../lib/time.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { publicString, publicUrlOf } from '../compile/public_config.ts'
import { keySetUrlSchema } from '../compile/urls.ts'
import { type CompileContext, defineAuthenticator } from '../handler.ts'
import { invalidToken } from '../responses/challenge.ts'
import { onRejectedSchema, withOnRejected } from '../responses/on_rejected.ts'
import type { KratosSessions } from '../services.ts'
import { checkForwardedToken, forwardCredentialSchema, withheldToken } from '../token/forward_credential.ts'
import { compileClaimChecks, type ReadClaims } from '../token/jwt_claims.ts'
import { scopeStrategySchema } from '../token/scopes.ts'
import { compileTokenFrom, tokenFromSchema } from '../token/token_from.ts'

const stringListSchema = z.array(publicString()).optional()
const urlListSchema = z.array(publicUrlOf(z.string())).optional()

export const jwt = defineAuthenticator({
  id: 'jwt',
  summary: 'authenticates JSON Web Tokens that a configured key set verifies',
  config: z.strictObject({
    jwks_urls: z
      .array(keySetUrlSchema)
      .optional()
      .describe(
        'URLs of key sets, in order of precedence: http(s)://, file://, inline://<base64>, s3://, gs:// or azblob://. Redirects are not followed. Required, unless jwks_by_issuer is set.',
      ),
    jwks_by_issuer: z
      .record(publicUrlOf(z.string()), keySetUrlSchema)
      .optional()
      .describe(
        'Issuers, each with the URL of its key set. Replaces jwks_urls: a key verifies tokens of its own issuer only, and tokens of other issuers are rejected.',
      ),
    allowed_algorithms: stringListSchema.describe(
      'Accepted algorithms by JWA name, such as ES256 or EdDSA. Default, also for an empty list: RS256.',
    ),
    required_scope: stringListSchema.describe(
      'Scopes that the token must have, compared by `scope_strategy`.',
    ),
    scope_strategy: scopeStrategySchema,
    target_audience: urlListSchema.describe('Audiences that the token must have, all of them.'),
    trusted_issuers: urlListSchema.describe('Accepted issuers. Default: any.'),
    token_from: tokenFromSchema,
    jwks_max_wait: publicString()
      .optional()
      .describe(
        'Maximum time that a request waits for a key set. Only the value of the service configuration has an effect. Default: 1s.',
      ),
    jwks_ttl: publicString()
      .optional()
      .describe(
        'Freshness lifetime of a key set. A removed key stops working after at most twice this time. Only the value of the service configuration has an effect. Default: 30s.',
      ),
    leeway: publicString()
      .regex(/^[0-9]+(ns|us|ms|s|m|h)$/, 'must be a whole number and one unit, like 30s')
      .optional()
      .describe(
        'Tolerated difference between the clocks of issuer and service, for exp, nbf and iat. Default: 0s.',
      ),
    require_exp: z.boolean().optional().describe('Whether to reject a token without exp. Default: false.'),
    forward_credential: forwardCredentialSchema,
    on_rejected: onRejectedSchema,
  }),
  example: {
    jwks_urls: ['https://id.example.com/.well-known/jwks.json'],
    trusted_issuers: ['https://id.example.com/'],
  },
  compile(config, { clock, jwks, kratos }, context) {
    const keySets = keySetsOf(config)
    const algorithms = new Set(config.allowed_algorithms?.length ? config.allowed_algorithms : ['RS256'])
    warnAboutConfig(config, algorithms, jwks, context)
    checkForwardedToken(config)
    const tokenFrom = compileTokenFrom(config.token_from)
    const readClaims = compileClaimChecks(config)
    return withOnRejected(config.on_rejected, request => {
      const token = tokenFrom(request)
      if (token === undefined) return NOT_RESPONSIBLE
      if (typeof token !== 'string') return token
      // Leave opaque and encrypted tokens to the next authenticator, as Oathkeeper does.
      if (!isSignedToken(token)) return NOT_RESPONSIBLE
      const result = jwks.verify({ token, ...keySets, algorithms, deadline: request.deadline })
      if (!(result instanceof Promise)) return toIdentity(result, readClaims, clock.wall(), kratos)
      return result.then(verified => toIdentity(verified, readClaims, clock.wall(), kratos))
    })
  },
  withholds: config => withheldToken(config, isSignedToken),
})

/** Three parts: an encrypted token has five. */
const isSignedToken = (token: string): boolean => token.split('.', 4).length === 3

/** Throws `HandlerConfigError` without any key set. */
function keySetsOf(config: Config): {
  readonly urls: readonly string[]
  readonly issuers?: readonly string[]
} {
  if (config.jwks_by_issuer !== undefined) {
    return { urls: Object.values(config.jwks_by_issuer), issuers: Object.keys(config.jwks_by_issuer) }
  }
  if (config.jwks_urls !== undefined) return { urls: config.jwks_urls }
  throw new HandlerConfigError(['jwks_urls'], 'is missing', 'set jwks_urls or jwks_by_issuer')
}

function toIdentity(
  result: VerifyResult,
  readClaims: ReadClaims,
  now: number,
  kratos: Pick<KratosSessions, 'isTokenRevoked'>,
): Identity | Denial {
  // Like Oathkeeper: every failure is a 401, even if the key sets are unavailable.
  if (result.kind === 'unavailable') return invalidToken(result.reason, 'unavailable')
  if (result.kind === 'refused') return invalidToken(result.reason)
  const outcome = readClaims(result.claims, now)
  const annotations: Annotations = { cache: result.cached ? 'hit' : 'miss' }
  if (outcome.kind === 'denial') return withAnnotations(outcome, annotations)
  if (kratos.isTokenRevoked(result.claims)) return withAnnotations(SESSION_REVOKED, annotations)
  return identity(outcome.subject, outcome.extra, { annotations })
}

/** A tokenized session of Kratos: only a revocation can end it before `exp`. */
const SESSION_REVOKED = invalidToken('the session of the token was revoked after the token was issued')

type Config = z.output<typeof jwt.config>

function warnAboutConfig(
  config: Config,
  algorithms: ReadonlySet<string>,
  jwks: JwksClient,
  context: CompileContext,
): void {
  if (algorithms.has('none'))
    context.warn(['allowed_algorithms'], 'the algorithm none is never accepted', 'remove it')
  const keySetUrls = [...(config.jwks_urls ?? []), ...Object.values(config.jwks_by_issuer ?? {})]
  warnAboutIssuers(config, context)
  const hasPlainHttpUrl = keySetUrls.some(url => url.startsWith('http:'))
  if (hasPlainHttpUrl && [...algorithms].some(name => name.startsWith('HS'))) {
    context.warn(
      ['allowed_algorithms'],
      'shared secrets are fetched over plain http',
      'use file:// or https://',
    )
  }
  if (config.required_scope?.length && (config.scope_strategy ?? 'none') === 'none') {
    context.warn(
      ['required_scope'],
      'every token is rejected, because scope_strategy is not set',
      'set scope_strategy',
    )
  }
  const options = readJwksOptions(config)
  if (options.ttl !== jwks.options.ttl)
    context.warn(['jwks_ttl'], 'has no effect in a rule', SERVICE_CONFIG_HINT)
  if (options.maxWait !== jwks.options.maxWait)
    context.warn(['jwks_max_wait'], 'has no effect in a rule', SERVICE_CONFIG_HINT)
}

function warnAboutIssuers(config: Config, context: CompileContext): void {
  const { jwks_urls: urls = [], trusted_issuers: issuers = [], jwks_by_issuer: byIssuer } = config
  if (byIssuer === undefined) {
    if (new Set(urls).size < 2 || new Set(issuers).size < 2) return
    context.warn(
      ['jwks_urls'],
      'a key of each set can sign tokens in the name of each trusted issuer',
      'set jwks_by_issuer instead',
    )
  } else if (urls.length > 0) {
    context.warn(['jwks_urls'], 'has no effect beside jwks_by_issuer', 'remove one of them')
  }
}

const SERVICE_CONFIG_HINT = 'set it in authenticators.jwt.config of the service configuration'

/**
 * Reads `jwks_ttl` and `jwks_max_wait` of this handler's section in the service configuration. Invalid
 * durations and 0 mean the default.
 */
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
