/**
 * Authenticates OAuth 2.0 clients by id and secret: the token endpoint must issue a token for them, which is
 * discarded.
 */
import { z } from 'zod'
import {
  type Denial,
  denial,
  internalError,
  rateLimited,
  unauthorized,
  unavailable,
} from '../../access/denial.ts'
import { NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import { type Identity, identity } from '../../access/session.ts'
import type { TokenResult } from '../../clients/oauth2/token_request.ts'
import { percentDecode } from '../../golang/index.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import { millis, parseDuration } from '../../lib/time.ts'
import { durationSchema } from '../compile/duration_schema.ts'
import { publicString } from '../compile/public_config.ts'
import { retrySchema } from '../compile/retry.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import { defineAuthenticator } from '../handler.ts'
import { onRejectedSchema, withOnRejected } from '../responses/on_rejected.ts'
import { forwardCredentialSchema } from '../token/forward_credential.ts'

export const oauth2ClientCredentials = defineAuthenticator({
  id: 'oauth2_client_credentials',
  summary: 'authenticates OAuth 2.0 clients by the id and secret that a token endpoint accepts',
  config: z.strictObject({
    token_url: httpUrlSchema.describe('URL of the token endpoint.'),
    required_scope: z
      .array(publicString())
      .optional()
      .describe('Requested scopes. The endpoint rejects a client that may not have them.'),
    retry: retrySchema,
    cache: z
      .strictObject({
        enabled: z.boolean().optional().describe('Whether to cache. Default: false.'),
        ttl: durationSchema('30s')
          .optional()
          .describe(
            'Maximum age of a cached result, at most the lifetime of the token. Default: the lifetime of the token.',
          ),
        max_tokens: z
          .int()
          .optional()
          .describe('Accepted without effect; `sessions.cache.max_entries` bounds the cache.'),
      })
      .optional()
      .describe('Cache of accepted credentials.'),
    forward_credential: forwardCredentialSchema,
    on_rejected: onRejectedSchema,
  }),
  example: { token_url: 'https://id.example.com/oauth2/token', cache: { enabled: true, ttl: '60s' } },
  compile(config, { oauth2 }) {
    const { token_url: tokenUrl, required_scope, cache } = config
    const scopes = required_scope ?? []
    // `undefined`: until the token expires.
    const maxAge = cache?.enabled === true ? parseDuration(cache.ttl ?? '') : millis(0)
    return withOnRejected(config.on_rejected, request => {
      const credentials = parseBasicCredentials(request.headerValues('authorization'))
      if (credentials === undefined) return NOT_RESPONSIBLE
      if ('kind' in credentials) return credentials
      const { id, secret } = credentials
      const result = oauth2.fetchClientToken(
        { tokenUrl, id, secret, scopes, audience: '' },
        { maxAge, waiter: request, clientAddress: request.remoteAddress },
      )
      if (!(result instanceof Promise)) return toOutcome(result, id)
      return result.then(loaded => toOutcome(loaded, id))
    })
  },
  withholds: ({ forward_credential: forward }) =>
    forward === false
      ? {
          cookies: [],
          headers: [{ name: 'authorization', isCredential: value => /(^|,) *basic /i.test(value) }],
        }
      : undefined,
})

interface BasicCredentials {
  readonly id: string
  readonly secret: string
}

const BASIC_AUTHORIZATION = /^basic ((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/i

/**
 * Id and secret are form-encoded before Base64 (RFC 6749 §2.3.1). Returns `undefined` for a header that is
 * not HTTP Basic.
 */
function parseBasicCredentials(values: readonly string[]): BasicCredentials | Denial | undefined {
  const [first] = values
  if (first === undefined) return undefined
  // Envoy joins several header lines with a comma, which Base64 cannot contain.
  const isBasic = /^basic /i.test(first)
  if (values.some(value => value !== first) || (isBasic && first.includes(','))) {
    return unauthorized('ambiguous_credential', { reason: 'the request has several different credentials' })
  }
  const encoded = BASIC_AUTHORIZATION.exec(first)?.[1]
  if (encoded === undefined) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 0) return undefined
  const id = percentDecode(decoded.slice(0, colon), true)
  const secret = percentDecode(decoded.slice(colon + 1), true)
  if (id === undefined || secret === undefined) {
    return unauthorized('credential_rejected', { reason: 'the credentials are not form-encoded correctly' })
  }
  return { id, secret }
}

function toOutcome(result: TokenResult, id: string): Identity | Denial {
  switch (result.kind) {
    case 'token':
      return identity(id, undefined, { annotations: { cache: result.cache } })
    case 'refused':
      return statusToDenial(result.status, result.headers)
    case 'malformed':
      return unavailable('the token endpoint sent a response without a token')
    case 'failed':
      return unavailable(result.message)
  }
}

/** Passes on the statuses that Oathkeeper passes on. */
function statusToDenial(status: number, headers: Parameters<typeof rateLimitHeaders>[0]): Denial {
  const reason = `the token endpoint responded with ${status}`
  switch (status) {
    case 429:
      return rateLimited({ headers: rateLimitHeaders(headers) })
    case 503:
      return unavailable(reason)
    case 504:
      return denial(504, 'bad_answer', 'The service did not answer in time', { reason })
    case 500:
      return internalError('bad_answer', reason)
    case 404:
      return denial(404, 'bad_answer', 'The requested resource could not be found', { reason })
    default:
      return unauthorized('credential_rejected', { reason })
  }
}
