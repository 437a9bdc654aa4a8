/** handlers/authenticators/oauth2_introspection — recognises whoever brings a token that an authorization server calls active (RFC 7662). Knows no cache but asks for one. */
import { z } from 'zod'
import { type Denial, internalError, rateLimited, unavailable, withAnnotations } from '../../access/denial.ts'
import { NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import { type Identity, identity, type JsonObject } from '../../access/session.ts'
import type { HeaderPair } from '../../clients/http/message.ts'
import type { IntrospectionResult } from '../../clients/oauth2/client.ts'
import type { IntrospectionResponse } from '../../clients/oauth2/responses.ts'
import type { ClientCredentials } from '../../clients/oauth2/token_request.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import { DURATION_PATTERN, millis, parseDuration } from '../../lib/time.ts'
import { fixedHeadersSchema } from '../compile/header_templates.ts'
import { retrySchema } from '../compile/retry.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import { type CompileContext, defineAuthenticator, HandlerConfigError } from '../handler.ts'
import { insufficientScope, invalidToken, unsuitableToken } from '../responses/challenge.ts'
import { onRejectedSchema, withOnRejected } from '../responses/on_rejected.ts'
import { compileScopeCheck, scopeStrategySchema } from '../token/scopes.ts'
import { compileTokenFrom, tokenFromSchema } from '../token/token_from.ts'

const stringListSchema = z.array(z.string()).optional()
const durationSchema = z
  .string()
  .regex(DURATION_PATTERN, 'must be a whole number and one unit, like 30s')
  .optional()

export const oauth2Introspection = defineAuthenticator({
  id: 'oauth2_introspection',
  summary: 'recognises whoever brings a token that an OAuth 2.0 introspection endpoint calls active',
  config: z.strictObject({
    introspection_url: httpUrlSchema.describe('URL of the introspection endpoint'),
    token_from: tokenFromSchema,
    prefix: z.string().optional().describe('other tokens are left to the next authenticator'),
    required_scope: stringListSchema.describe(
      'scopes that the token must have, by scope_strategy; with none they are only sent to the endpoint',
    ),
    scope_strategy: scopeStrategySchema,
    target_audience: stringListSchema.describe('audiences, all of which the answer must name'),
    trusted_issuers: stringListSchema.describe('issuers, one of which the answer must name'),
    introspection_request_headers: fixedHeadersSchema.describe('headers to send to the endpoint'),
    preserve_host: z
      .boolean()
      .optional()
      .describe('sends X-Forwarded-Host with the host of the request; default false'),
    pre_authorization: z
      .strictObject({
        enabled: z.boolean().optional().describe('gets an access token for the call first; default false'),
        client_id: z.string().optional(),
        client_secret: z.string().optional(),
        token_url: httpUrlSchema.optional(),
        audience: z.string().optional(),
        scope: stringListSchema,
      })
      .optional()
      .describe('client credentials with which the call itself is authorized'),
    retry: retrySchema,
    cache: z
      .strictObject({
        enabled: z.boolean().optional().describe('default false'),
        ttl: durationSchema.describe(
          'longest time that an answer is believed, never beyond the end of the token; default 60s',
        ),
        max_cost: z.int().optional().describe('accepted and without effect: the memory is bounded anyway'),
      })
      .optional()
      .describe('whether active answers are remembered; all checks are made anew each time'),
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
    const tokenFrom = compileTokenFrom(config.token_from)
    const prefix = config.prefix ?? ''
    const scope =
      (config.scope_strategy ?? 'none') === 'none' ? (config.required_scope ?? []).join(' ') : undefined
    const headers = compileRequestHeaders(config)
    const maxAge = maxCacheAge(config)
    const read = compileResultCheck(config, clock.wall)
    warnAboutConfig(config, context)
    return withOnRejected(config.on_rejected, request => {
      const token = tokenFrom(request)
      if (token === undefined) return NOT_RESPONSIBLE
      if (typeof token !== 'string') return token
      if (!token.startsWith(prefix)) return NOT_RESPONSIBLE
      const asked = oauth2.introspect({
        url,
        token,
        scope,
        headers: headers(request),
        preAuthorization,
        maxAge,
        deadline: request.deadline,
      })
      return asked instanceof Promise ? asked.then(read) : read(asked)
    })
  },
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

/** Where scopes are sent, the answer depends on them: not remembered, as Oathkeeper has it. */
function maxCacheAge({ cache, scope_strategy: strategy, required_scope: required }: Config) {
  if (cache?.enabled !== true || ((strategy ?? 'none') === 'none' && required?.length)) return millis(0)
  return parseDuration(cache.ttl ?? '60s') ?? millis(0)
}

/** The answer as this rule reads it: checks in the order of spec 4.7, each time, remembered or not (C5). */
function compileResultCheck(
  config: Config,
  wallTime: () => number,
): (answer: IntrospectionResult) => Identity | Denial {
  const audiences = config.target_audience ?? []
  const issuers = config.trusted_issuers?.length ? new Set(config.trusted_issuers) : undefined
  const strategy = config.scope_strategy ?? 'none'
  const required = config.required_scope ?? []
  const missingScope = strategy === 'none' ? () => undefined : compileScopeCheck(strategy, required)
  const checkResponse = ({ response: answer, cache }: IntrospectedResult): Identity | Denial => {
    if (answer.tokenUse !== '' && answer.tokenUse !== 'access_token')
      return unsuitableToken('not an access token')
    if (!answer.active) return invalidToken('the token is not active')
    if (answer.exp > 0 && answer.exp * 1000 < wallTime()) return invalidToken('the token has expired')
    // all of them.
    if (!audiences.every(one => answer.aud.includes(one)))
      return unsuitableToken('the token is for another audience')
    if (issuers !== undefined && !issuers.has(answer.iss)) {
      return unsuitableToken('the issuer of the token is not trusted')
    }
    const missing = missingScope(answer.scope.split(' '))
    if (missing !== undefined) return insufficientScope(403, missing, required)
    return identity(answer.sub, extraOf(answer), { annotations: { cache } })
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
      return internalError('bad_answer', 'the introspection endpoint gave an answer that cannot be read')
    case 'not authorized':
      return internalError('unavailable', 'no access token could be had for the introspection endpoint')
    case 'failed':
      // The asker's own time is over; what is wrong with the endpoint is a 500.
      if (result.cause === 'deadline') return unavailable(result.message)
      return internalError('unavailable', result.message)
  }
}

function warnAboutConfig(config: Config, context: CompileContext): void {
  if (config.required_scope?.length && (config.scope_strategy ?? 'none') === 'none') {
    context.warn(
      ['required_scope'],
      'is sent to the endpoint and not checked here',
      'set scope_strategy to have it checked',
    )
  }
}
