/** Authenticates tokens that an OAuth 2.0 introspection endpoint reports as active (RFC 7662). */
import { z } from 'zod'
import { type Denial, internalError, rateLimited, unavailable, withAnnotations } from '../../access/denial.ts'
import { NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import { type Identity, identity, type JsonObject } from '../../access/session.ts'
import type { HeaderPair } from '../../clients/http/message.ts'
import type { IntrospectionResult } from '../../clients/oauth2/introspection.ts'
import type { IntrospectionResponse } from '../../clients/oauth2/responses.ts'
import type { ClientCredentials } from '../../clients/oauth2/token_request.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import { millis, parseDuration } from '../../lib/time.ts'
import { failedCall } from '../compile/call_failure.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { durationSchema } from '../compile/duration_schema.ts'
import { fixedHeadersSchema } from '../compile/header_templates.ts'
import { publicString, publicUrlOf } from '../compile/public_config.ts'
import { retrySchema } from '../compile/retry.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import { type CompileContext, defineAuthenticator } from '../handler.ts'
import { insufficientScope, invalidToken, unsuitableToken } from '../responses/challenge.ts'
import { onRejectedSchema, withOnRejected } from '../responses/on_rejected.ts'
import { checkForwardedToken, forwardCredentialSchema, withheldToken } from '../token/forward_credential.ts'
import { compileScopeCheck, scopeStrategySchema } from '../token/scopes.ts'
import { compileTokenFrom, tokenFromSchema } from '../token/token_from.ts'

const stringListSchema = z.array(publicString()).optional()
const urlListSchema = z.array(publicUrlOf(z.string())).optional()

export const oauth2Introspection = defineAuthenticator({
  id: 'oauth2_introspection',
  summary: 'authenticates tokens that an OAuth 2.0 introspection endpoint reports as active',
  config: z.strictObject({
    introspection_url: httpUrlSchema.describe('URL of the introspection endpoint.'),
    token_from: tokenFromSchema,
    prefix: publicString()
      .optional()
      .describe('Required prefix. Tokens without it are left to the next authenticator. Default: none.'),
    required_scope: stringListSchema.describe(
      'Scopes that the token must have, compared by `scope_strategy`. With the strategy `none` they are only sent to the endpoint.',
    ),
    scope_strategy: scopeStrategySchema,
    target_audience: urlListSchema.describe('Audiences that the response must have, all of them.'),
    trusted_issuers: urlListSchema.describe('Accepted issuers. Default: any.'),
    introspection_request_headers: fixedHeadersSchema.describe('Headers to send to the endpoint.'),
    preserve_host: z
      .boolean()
      .optional()
      .describe('Whether to send X-Forwarded-Host with the host of the request. Default: false.'),
    pre_authorization: z
      .strictObject({
        enabled: z
          .boolean()
          .optional()
          .describe('Whether to authorize the call with an access token. Default: false.'),
        client_id: publicString().optional().describe('Id of the client.'),
        client_secret: z.string().optional().describe('Secret of the client.').meta({ writeOnly: true }),
        token_url: httpUrlSchema.optional().describe('URL of the token endpoint.'),
        audience: publicString().optional().describe('Audience to request. Default: none.'),
        scope: stringListSchema.describe('Scopes to request. Default: none.'),
      })
      .optional()
      .describe('Client credentials for an access token that authorizes the call.'),
    retry: retrySchema,
    cache: z
      .strictObject({
        enabled: z.boolean().optional().describe('Whether to cache. Default: false.'),
        ttl: durationSchema('30s')
          .optional()
          .describe('Maximum age of a cached response, at most until the token expires. Default: 60s.'),
        max_cost: z
          .int()
          .optional()
          .describe('Accepted without effect; `sessions.cache.max_entries` bounds the cache.'),
      })
      .optional()
      .describe('Cache of active responses. Every request repeats the checks of the rule.'),
    forward_credential: forwardCredentialSchema,
    on_rejected: onRejectedSchema,
  }),
  example: {
    introspection_url: 'https://id.example.com/admin/oauth2/introspect',
    scope_strategy: 'hierarchic',
    required_scope: ['orders'],
    cache: { enabled: true, ttl: '30s' },
  },
  compile(config, { clock, oauth2 }, context) {
    const url = config.introspection_url
    const preAuthorization = readClientCredentials(config.pre_authorization)
    checkForwardedToken(config)
    const tokenFrom = compileTokenFrom(config.token_from)
    const prefix = config.prefix ?? ''
    const scope =
      (config.scope_strategy ?? 'none') === 'none' ? (config.required_scope ?? []).join(' ') : undefined
    const headers = compileRequestHeaders(config)
    const maxAge = maxCacheAge(config)
    const checkResult = compileResultCheck(config, clock.wall)
    warnAboutConfig(config, context)
    return withOnRejected(config.on_rejected, request => {
      const token = tokenFrom(request)
      if (token === undefined) return NOT_RESPONSIBLE
      if (typeof token !== 'string') return token
      if (!token.startsWith(prefix)) return NOT_RESPONSIBLE
      const result = oauth2.introspect({
        url,
        token,
        scope,
        headers: headers(request),
        preAuthorization,
        maxAge,
        waiter: request,
        clientAddress: request.remoteAddress,
      })
      return result instanceof Promise ? result.then(checkResult) : checkResult(result)
    })
  },
  withholds: config => withheldToken(config, token => token !== '' && token.startsWith(config.prefix ?? '')),
})

type Config = z.output<typeof oauth2Introspection.config>

function readClientCredentials(config: Config['pre_authorization']): ClientCredentials | undefined {
  if (config === undefined) return undefined
  const { enabled, client_id: id, client_secret: secret, token_url: tokenUrl, audience, scope } = config
  if (enabled !== true) return undefined
  for (const [name, value] of Object.entries({ client_id: id, client_secret: secret, token_url: tokenUrl })) {
    if (value === undefined) throw new HandlerConfigError(['pre_authorization', name], 'is missing')
  }
  return {
    tokenUrl: tokenUrl as string,
    id: id as string,
    secret: secret as string,
    scopes: scope ?? [],
    audience: audience ?? '',
  }
}

function compileRequestHeaders(config: Config): (request: RequestView) => readonly HeaderPair[] {
  const fixed = Object.entries(config.introspection_request_headers ?? {})
    .map(([name, value]): HeaderPair => [name.toLowerCase(), value])
    .filter(([name]) => name !== 'host' && (config.preserve_host !== true || name !== 'x-forwarded-host'))
  if (config.preserve_host !== true) return () => fixed
  return request => [...fixed, ['x-forwarded-host', request.authority]]
}

/** Like Oathkeeper: no cache if scopes are sent, because the response depends on them. */
function maxCacheAge({ cache, scope_strategy: strategy, required_scope: required }: Config) {
  if (cache?.enabled !== true || ((strategy ?? 'none') === 'none' && required?.length)) return millis(0)
  return parseDuration(cache.ttl ?? '60s') ?? millis(0)
}

/**
 * Checks a response in Oathkeeper's order. The checks also apply to cached responses, because other rules may
 * share them.
 */
function compileResultCheck(
  config: Config,
  wallTime: () => number,
): (result: IntrospectionResult) => Identity | Denial {
  const audiences = config.target_audience ?? []
  const issuers = config.trusted_issuers?.length ? new Set(config.trusted_issuers) : undefined
  const strategy = config.scope_strategy ?? 'none'
  const required = config.required_scope ?? []
  const missingScope = strategy === 'none' ? () => undefined : compileScopeCheck(strategy, required)
  const checkResponse = ({ response, cache }: IntrospectedResult): Identity | Denial => {
    if (response.tokenUse !== '' && response.tokenUse !== 'access_token')
      return unsuitableToken('not an access token')
    if (!response.active) return invalidToken('the token is not active')
    if (response.exp > 0 && response.exp * 1000 < wallTime()) return invalidToken('the token has expired')
    // All audiences are required.
    if (!audiences.every(audience => response.aud.includes(audience)))
      return unsuitableToken('the token is for another audience')
    if (issuers !== undefined && !issuers.has(response.iss)) {
      return unsuitableToken('the issuer of the token is not trusted')
    }
    const missing = missingScope(response.scope.split(' '))
    if (missing !== undefined) return insufficientScope(403, missing, required)
    return identity(response.sub, extraOf(response), { annotations: { cache } })
  }
  return result => {
    if (result.kind !== 'introspected') return failureToDenial(result)
    const outcome = checkResponse(result)
    return outcome.kind === 'denial' ? withAnnotations(outcome, { cache: result.cache }) : outcome
  }
}

type IntrospectedResult = Extract<IntrospectionResult, { kind: 'introspected' }>

const extraOf = ({ ext, username, clientId, scope, aud }: IntrospectionResponse): JsonObject => ({
  ...ext,
  username,
  client_id: clientId,
  scope,
  ...(aud.length === 0 ? {} : { aud }),
})

function failureToDenial(result: Exclude<IntrospectionResult, { kind: 'introspected' }>): Denial {
  switch (result.kind) {
    case 'refused':
      if (result.status === 429) return rateLimited({ headers: rateLimitHeaders(result.headers) })
      return internalError(
        'bad_answer',
        `Introspection returned status code ${result.status} but expected 200`,
      )
    case 'malformed':
      return internalError('bad_answer', 'the introspection endpoint sent a malformed response')
    case 'not authorized':
      return internalError('unavailable', 'obtaining an access token for the introspection endpoint failed')
    case 'failed':
      // A passed deadline of the request is a 503. A failure of the endpoint is a 500, as in Oathkeeper
      //
      if (result.cause === 'deadline') return unavailable(result.message)
      return failedCall(result)
  }
}

function warnAboutConfig(config: Config, context: CompileContext): void {
  if (config.required_scope?.length && (config.scope_strategy ?? 'none') === 'none') {
    context.warn(
      ['required_scope'],
      'is sent to the endpoint but not checked, because scope_strategy is not set',
      'set scope_strategy',
    )
  }
}
