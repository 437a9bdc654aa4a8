/**
 * The configuration that `cookie_session` and `bearer_token` share: schema, selection of the endpoint by
 * host, and warnings.
 */
import { z } from 'zod'
import type { Authenticate } from '../../access/pipeline.ts'
import { parseAuthority } from '../../http/authority.ts'
import { isHeaderName } from '../../http/header_rules.ts'
import { type Millis, millis, parseDuration } from '../../lib/time.ts'
import { HandlerConfigError } from '../compile/config_error.ts'
import { durationSchema } from '../compile/duration_schema.ts'
import { fixedHeadersSchema } from '../compile/header_templates.ts'
import { publicString } from '../compile/public_config.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import type { CompileContext } from '../handler.ts'
import { onRejectedSchema, withOnRejected } from '../responses/on_rejected.ts'
import { requirementsSchema } from './requirements.ts'

/** The keys that `cookie_session` and `bearer_token` share. */
export const sessionConfigShape = {
  check_session_url: httpUrlSchema.describe(
    'URL of the session endpoint. A URL that ends in /sessions/whoami is Ory Kratos.',
  ),
  check_session_url_by_host: z
    .record(publicString(), httpUrlSchema)
    .optional()
    .describe(
      'URLs that replace check_session_url for requests to a host, for rules whose hosts have a Kratos each.',
    ),
  preserve_path: z
    .boolean()
    .optional()
    .describe(
      'Whether to keep the path of the URL instead of using that of the request. Default: false; for Kratos always true.',
    ),
  preserve_query: z
    .boolean()
    .optional()
    .describe(
      'Whether to keep the query of the URL instead of using that of the request. Default: true; for Kratos always true.',
    ),
  preserve_host: z
    .boolean()
    .optional()
    .describe(
      'Whether to send X-Forwarded-Host with the host of the request. Default: false; for Kratos always false.',
    ),
  force_method: publicString()
    .refine(name => name === '' || isHeaderName(name), 'must be an HTTP method')
    .optional()
    .describe('Method to use instead of that of the request. For Kratos always GET.'),
  forward_http_headers: z
    .array(publicString())
    .optional()
    .describe(
      'Request headers to forward. Kratos receives none of them, because it gets exactly one credential.',
    ),
  additional_headers: fixedHeadersSchema.describe('Static headers to send. They replace forwarded ones.'),
  subject_from: publicString()
    .optional()
    .describe(
      'Gjson path of the subject. Default: `identity.id` for Kratos, else `subject` for cookie_session and `sub` for bearer_token.',
    ),
  extra_from: publicString()
    .optional()
    .describe('Gjson path of the extra data. Default: `@this` for Kratos, else `extra`.'),
  kratos: z
    .boolean()
    .optional()
    .describe(
      'Whether the URL is the whoami endpoint of Kratos. Default: whether it ends in /sessions/whoami.',
    ),
  require_subject: z
    .boolean()
    .optional()
    .describe('Whether to reject a response without a subject. Default: true for Kratos, else false.'),
  forbid_unreachable: z
    .boolean()
    .optional()
    .describe(
      'Whether to respond with 403, as Oathkeeper does, instead of 503 if the endpoint cannot be reached. Default: false; for Kratos always false.',
    ),
  require: requirementsSchema,
  cache: z
    .strictObject({
      enabled: z
        .boolean()
        .optional()
        .describe(
          'Whether to cache. Default: true for Kratos, else false. For other endpoints the cache key is the whole request to the endpoint.',
        ),
      ttl: durationSchema('30s')
        .optional()
        .describe(
          'Maximum age of a cached response. For Kratos at most sessions.cache.ttl, which is also the default. Default for other endpoints: 1s.',
        ),
      max_cost: z
        .int()
        .optional()
        .describe('Accepted without effect; `sessions.cache.max_entries` bounds the cache.'),
    })
    .optional()
    .describe('Cache of responses.'),
  on_rejected: onRejectedSchema,
}

const sessionConfigSchema = z.strictObject(sessionConfigShape)
export type SessionConfig = z.infer<typeof sessionConfigSchema>

/**
 * Compiles one authenticator for each URL of the configuration and selects it by the host of the request.
 * Their cached sessions are separate, because their endpoints differ. `credentialHeaders`: lower-case names of
 * the request headers that can hold the credential.
 */
export function compileEndpointsByHost(
  config: SessionConfig,
  context: CompileContext,
  credentialHeaders: readonly string[],
  compileAt: (url: URL, kratos: boolean) => Authenticate,
): Authenticate {
  const defaultUrl = new URL(config.check_session_url)
  const byHost = Object.entries(config.check_session_url_by_host ?? {}).map(([text, url]) => {
    const path = ['check_session_url_by_host', text]
    const host = parseAuthority(text, '')?.host
    if (host === undefined) throw new HandlerConfigError(path, 'must be a host, for example shop.example.com')
    return [host, new URL(url)] as const
  })
  warnAboutConfig(config, [defaultUrl, ...byHost.map(([, url]) => url)], context, credentialHeaders)
  const compiled = (url: URL) => compileAt(url, isKratos(config, url))
  const byDefault = compiled(defaultUrl)
  const byExactHost = byHost.map(([host, url]) => [host, compiled(url)] as const)
  // Requests have no default port, so an entry with port 80 or 443 also matches the host without it.
  // An exact entry takes precedence.
  const byBareHost = byExactHost.map(([host, run]) => [host.replace(/:(?:80|443)$/, ''), run] as const)
  const authenticators = new Map([...byBareHost, ...byExactHost])
  const authenticate: Authenticate =
    authenticators.size === 0
      ? byDefault
      : request => (authenticators.get(request.host) ?? byDefault)(request)
  return withOnRejected(config.on_rejected, authenticate)
}

/** All endpoints of the configuration, and whether each is Kratos. */
export const endpointsOf = (config: SessionConfig): readonly { readonly kratos: boolean }[] =>
  [config.check_session_url, ...Object.values(config.check_session_url_by_host ?? {})].map(url => ({
    kratos: isKratos(config, new URL(url)),
  }))

const isKratos = (config: SessionConfig, url: URL): boolean =>
  config.kratos ?? url.pathname.endsWith('/sessions/whoami')

/**
 * Maximum age of a response of an endpoint that is not Kratos, in ms. 0: no cache. The default of 1s is that
 * of Oathkeeper's pull request 1244.
 */
export function checkSessionMaxAge({ cache }: SessionConfig): Millis {
  return cache?.enabled === true ? (parseDuration(cache.ttl ?? '1s') ?? millis(0)) : millis(0)
}

/** Maximum age of a session of Kratos, in ms. `undefined`: `sessions.cache.ttl`. 0: no cache. */
export function kratosMaxAge({ cache }: SessionConfig): Millis | undefined {
  if (cache?.enabled === false) return millis(0)
  return cache?.ttl === undefined ? undefined : parseDuration(cache.ttl)
}

const CREDENTIAL_HEADERS = /^(authorization|cookie|x-session-token)$/i

function warnAboutConfig(
  config: SessionConfig,
  urls: readonly URL[],
  context: CompileContext,
  credentialHeaders: readonly string[],
): void {
  if (urls.some(url => isKratos(config, url))) warnAboutKratosConfig(config, context, credentialHeaders)
  const forwardingUrl = urls.find(url => !isKratos(config, url))
  if (forwardingUrl !== undefined) warnAboutForwardingConfig(config, forwardingUrl, context)
}

/** Warns about keys that have no effect for Kratos. The header of the credential is sent, listed or not. */
function warnAboutKratosConfig(
  config: SessionConfig,
  context: CompileContext,
  credentialHeaders: readonly string[],
): void {
  for (const name of config.forward_http_headers ?? []) {
    if (CREDENTIAL_HEADERS.test(name) && !credentialHeaders.includes(name.toLowerCase())) {
      context.warn(
        ['forward_http_headers'],
        `${name} is not forwarded`,
        'Kratos receives exactly one credential',
      )
    }
  }
  for (const name of Object.keys(config.additional_headers ?? {})) {
    if (CREDENTIAL_HEADERS.test(name)) {
      context.warn(['additional_headers', name], 'is not sent', 'Kratos receives exactly one credential')
    }
  }
  if (config.forbid_unreachable === true) {
    context.warn(['forbid_unreachable'], 'has no effect', 'an unreachable Kratos is always a 503')
  }
  const method = config.force_method ?? ''
  if (method !== '' && method.toUpperCase() !== 'GET') {
    context.warn(['force_method'], 'has no effect', 'Kratos is always called with GET')
  }
}

/** Warns about behaviour that is kept from Oathkeeper although it may surprise. */
function warnAboutForwardingConfig(config: SessionConfig, url: URL, context: CompileContext): void {
  if (config.preserve_path !== true && url.pathname !== '/') {
    context.warn(
      ['check_session_url'],
      'its path is replaced by that of the request',
      'set preserve_path: true to keep it',
    )
  }
  if (config.require_subject !== true) {
    context.warn(
      ['check_session_url'],
      'every response with status 200 authenticates the request, even without a subject',
      'set require_subject: true to reject responses without a subject',
    )
  }
  if (config.require !== undefined) {
    throw new HandlerConfigError(
      ['require'],
      'applies to sessions of Kratos only',
      'set check_session_url to the whoami URL of Kratos, or remove the key',
    )
  }
  if (config.cache !== undefined && typeof config.cache.enabled !== 'boolean') {
    context.warn(['cache'], 'has no effect', 'set enabled: true to cache the responses of this endpoint')
  }
}
