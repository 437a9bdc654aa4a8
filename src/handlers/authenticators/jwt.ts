/** handlers/authenticators/jwt — recognises whoever brings a JWT signed by a known key. Asks for keys, never for the token. */
import { z } from 'zod'
import { type Denial, noted } from '../../access/denial.ts'
import { NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import { type Identity, identity, type Notes } from '../../access/session.ts'
import type { Keys } from '../../clients/jwks/keys.ts'
import type { Verification } from '../../clients/jwks/verify.ts'
import { parseGoDuration } from '../../golang/index.ts'
import { type Millis, millis, parseDuration } from '../../lib/time.ts'
import { keySetUrlSchema } from '../compile/urls.ts'
import { authenticator, type CompileContext } from '../handler.ts'
import { invalidToken } from '../responses/challenge.ts'
import { onRejected, onRejectedSchema } from '../responses/on_rejected.ts'
import { compileClaims, type ReadClaims } from '../token/jwt_claims.ts'
import { scopeStrategySchema } from '../token/scopes.ts'
import { compileTokenFrom, tokenFromSchema } from '../token/token_from.ts'

const strings = z.array(z.string()).optional()

export const jwt = authenticator({
  id: 'jwt',
  summary: 'recognises whoever brings a JSON Web Token that one of the configured key sets verifies',
  config: z.strictObject({
    jwks_urls: z
      .array(keySetUrlSchema)
      .describe(
        'key sets, in order: http(s)://, file://, inline://<base64>, s3://, gs:// or azblob://; redirects are not followed',
      ),
    allowed_algorithms: strings.describe(
      'algorithms by name, EdDSA among them; default (and for none) RS256',
    ),
    required_scope: strings.describe('scopes that the token must have, by scope_strategy'),
    scope_strategy: scopeStrategySchema,
    target_audience: strings.describe('audiences, all of which the token must name'),
    trusted_issuers: strings.describe('issuers, one of which the token must name'),
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
  compile(config, { clock, keys }, context) {
    const urls = config.jwks_urls
    const algorithms = new Set(config.allowed_algorithms?.length ? config.allowed_algorithms : ['RS256'])
    lint(config, algorithms, keys, context)
    const tokenFrom = compileTokenFrom(config.token_from)
    const read = compileClaims(config)
    return onRejected(config.on_rejected, request => {
      const token = tokenFrom(request)
      if (token === undefined) return NOT_RESPONSIBLE
      if (typeof token !== 'string') return token
      // Opaque tokens, and encrypted ones, are for the next authenticator (spec 4.8).
      if (token.split('.', 4).length !== 3) return NOT_RESPONSIBLE
      const verified = keys.verify({ token, urls, algorithms, deadline: request.deadline })
      if (!(verified instanceof Promise)) return recognise(verified, read, clock.wall())
      return verified.then(answer => recognise(answer, read, clock.wall()))
    })
  },
})

function recognise(answer: Verification, read: ReadClaims, now: number): Identity | Denial {
  // Every failure is a 401, also that no key could be had (spec 4.8).
  if (answer.kind === 'unavailable') return invalidToken(answer.why, 'unavailable')
  if (answer.kind === 'refused') return invalidToken(answer.why)
  const outcome = read(answer.claims, now)
  const notes: Notes = { cache: answer.remembered ? 'hit' : 'miss' }
  if (outcome.kind === 'denial') return noted(outcome, notes)
  return identity(outcome.subject, outcome.extra, { notes })
}

type Config = z.output<typeof jwt.config>

function lint(config: Config, algorithms: ReadonlySet<string>, keys: Keys, context: CompileContext): void {
  if (algorithms.has('none')) context.warn(['allowed_algorithms'], 'none is never accepted')
  const remote = config.jwks_urls.some(url => url.startsWith('http:'))
  if (remote && [...algorithms].some(name => name.startsWith('HS'))) {
    context.warn(['allowed_algorithms'], 'shared secrets are read over plain http', 'use file:// or https://')
  }
  if (config.required_scope?.length && (config.scope_strategy ?? 'none') === 'none') {
    context.warn(['required_scope'], 'no token is accepted without a scope_strategy', 'set scope_strategy')
  }
  const times = keyTimes(config)
  if (times.ttl !== keys.times.ttl) context.warn(['jwks_ttl'], 'has no effect in a rule', GLOBAL)
  if (times.maxWait !== keys.times.maxWait) context.warn(['jwks_max_wait'], 'has no effect in a rule', GLOBAL)
}
const GLOBAL = 'set it under authenticators.jwt.config of the service'

/** The times of key sets from the service's own config of this handler; what is no duration counts as not set. */
export function keyTimes(config: { readonly [key: string]: unknown } | undefined): Keys['times'] {
  return {
    ttl: durationOf(config?.jwks_ttl) ?? millis(30_000),
    maxWait: durationOf(config?.jwks_max_wait) ?? millis(1_000),
  }
}

function durationOf(value: unknown): Millis | undefined {
  if (typeof value !== 'string') return undefined
  const go = parseDuration(value) ?? parseGoDuration(value)
  if (go === undefined) return undefined
  const span = typeof go === 'bigint' ? Number(go) / 1e6 : go
  return span > 0 ? millis(span) : undefined
}
