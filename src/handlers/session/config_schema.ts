/** handlers/parts/session_keys — the keys that `cookie_session` and `bearer_token` share (spec 4.4), and what to say about them at load. Knows no request. */
import { z } from 'zod'
import type { Authenticate } from '../../access/pipeline.ts'
import { parseAuthority } from '../../http/authority.ts'
import { isHeaderName } from '../../http/header_rules.ts'
import { DURATION_PATTERN, type Millis, millis, parseDuration } from '../../lib/time.ts'
import { fixedHeadersSchema } from '../compile/header_templates.ts'
import { httpUrlSchema } from '../compile/urls.ts'
import { type CompileContext, HandlerConfigError } from '../handler.ts'
import { onRejectedSchema, withOnRejected } from '../responses/on_rejected.ts'
import { requirementsSchema } from './requirements.ts'

export const sessionConfigShape = {
  check_session_url: httpUrlSchema.describe(
    'URL that says whose session it is; one that ends in /sessions/whoami is Ory Kratos',
  ),
  check_session_url_by_host: z
    .record(z.string(), httpUrlSchema)
    .optional()
    .describe(
      'host of the request → URL instead of check_session_url, for a rule with several hosts that has a Kratos each',
    ),
  preserve_path: z
    .boolean()
    .optional()
    .describe('true keeps the path of the URL; default false: the path of the request. Kratos: always kept'),
  preserve_query: z
    .boolean()
    .optional()
    .describe(
      'false replaces the query of the URL by that of the request; default true. Kratos: always kept',
    ),
  preserve_host: z
    .boolean()
    .optional()
    .describe('sends X-Forwarded-Host with the host of the request; default false. Not to Kratos'),
  force_method: z
    .string()
    .refine(name => name === '' || isHeaderName(name), 'not a method')
    .optional()
    .describe('method instead of that of the request. Kratos: always GET'),
  forward_http_headers: z
    .array(z.string())
    .optional()
    .describe('headers of the request to send along. Not to Kratos, which gets one credential'),
  additional_headers: fixedHeadersSchema.describe('headers to send, set last'),
  subject_from: z
    .string()
    .optional()
    .describe('gjson path of the subject; default `identity.id` for Kratos, else `subject` or `sub`'),
  extra_from: z
    .string()
    .optional()
    .describe('gjson path of the extra data; default `@this` for Kratos, else `extra`'),
  kratos: z
    .boolean()
    .optional()
    .describe('whether the URL is Kratos’ whoami; default: whether it ends in /sessions/whoami'),
  require_subject: z
    .boolean()
    .optional()
    .describe('refuses an answer without a subject; default true for Kratos, else false'),
  forbid_unreachable: z
    .boolean()
    .optional()
    .describe(
      'true refuses with 403 where the endpoint cannot be reached, as Oathkeeper does; default 503. Kratos: always 503',
    ),
  require: requirementsSchema,
  cache: z
    .strictObject({
      enabled: z
        .boolean()
        .optional()
        .describe(
          'false asks for each request; default true for Kratos, false for any other endpoint, where what is sent is the key of what is remembered',
        ),
      ttl: z
        .string()
        .regex(DURATION_PATTERN, 'must be a whole number and one unit, like 30s')
        .optional()
        .describe(
          'longest time that this rule believes an answer; of Kratos never longer than sessions.cache.ttl, of another endpoint 1s unless set',
        ),
      max_cost: z
        .int()
        .optional()
        .describe('accepted and without effect: sessions.cache.max_entries bounds the memory'),
    })
    .optional()
    .describe('how long answers are believed'),
  on_rejected: onRejectedSchema,
}

const sessionConfigSchema = z.strictObject(sessionConfigShape)
export type SessionConfig = z.infer<typeof sessionConfigSchema>

/**
 * One authenticator for each URL of the configuration; the host of a request says which. Their endpoints are unequal, so
 * they share nothing that is remembered (C4, C7).
 */
export function compileEndpointsByHost(
  config: SessionConfig,
  context: CompileContext,
  compileAt: (url: URL, kratos: boolean) => Authenticate,
): Authenticate {
  const defaultUrl = new URL(config.check_session_url)
  const byHost = Object.entries(config.check_session_url_by_host ?? {}).map(([text, url]) => {
    const path = ['check_session_url_by_host', text]
    const host = parseAuthority(text, '')?.host
    if (host === undefined) throw new HandlerConfigError(path, 'must be a host, as in a URL')
    return [host, new URL(url)] as const
  })
  warnAboutConfig(config, [defaultUrl, ...byHost.map(([, url]) => url)], context)
  const compiled = (url: URL) => compileAt(url, isKratos(config, url))
  const byDefault = compiled(defaultUrl)
  const byExactHost = byHost.map(([host, url]) => [host, compiled(url)] as const)
  // Requests come without their scheme's default port; whoever names the host without it means more.
  const byBareHost = byExactHost.map(([host, run]) => [host.replace(/:(?:80|443)$/, ''), run] as const)
  const authenticators = new Map([...byBareHost, ...byExactHost])
  const authenticate: Authenticate =
    authenticators.size === 0
      ? byDefault
      : request => (authenticators.get(request.host) ?? byDefault)(request)
  return withOnRejected(config.on_rejected, authenticate)
}

const isKratos = (config: SessionConfig, url: URL): boolean =>
  config.kratos ?? url.pathname.endsWith('/sessions/whoami')

/** Of answers of another endpoint; 0: nothing is remembered. PR #1244 of Oathkeeper has the second as default. */
export function checkSessionMaxAge({ cache }: SessionConfig): Millis {
  return cache?.enabled === true ? (parseDuration(cache.ttl ?? '1s') ?? millis(0)) : millis(0)
}

/** `undefined`: the service's own; 0: not at all. */
export function kratosMaxAge({ cache }: SessionConfig): Millis | undefined {
  if (cache?.enabled === false) return millis(0)
  return cache?.ttl === undefined ? undefined : parseDuration(cache.ttl)
}

const CREDENTIAL_HEADERS = /^(authorization|cookie|x-session-token)$/i

function warnAboutConfig(config: SessionConfig, urls: readonly URL[], context: CompileContext): void {
  if (urls.some(url => isKratos(config, url))) warnAboutKratosConfig(config, context)
  const forwardingUrl = urls.find(url => !isKratos(config, url))
  if (forwardingUrl !== undefined) warnAboutForwardingConfig(config, forwardingUrl, context)
}

/** What has no effect for Kratos and would surprise whoever wrote it. */
function warnAboutKratosConfig(config: SessionConfig, context: CompileContext): void {
  for (const name of config.forward_http_headers ?? []) {
    if (CREDENTIAL_HEADERS.test(name)) {
      context.warn(['forward_http_headers'], `${name} is not forwarded`, 'Kratos gets exactly one credential')
    }
  }
  for (const name of Object.keys(config.additional_headers ?? {})) {
    if (CREDENTIAL_HEADERS.test(name)) {
      context.warn(['additional_headers', name], 'not sent', 'Kratos gets exactly one credential')
    }
  }
  if (config.forbid_unreachable === true) {
    context.warn(['forbid_unreachable'], 'has no effect', 'a Kratos that cannot be reached is always 503')
  }
  const method = config.force_method ?? ''
  if (method !== '' && method.toUpperCase() !== 'GET') {
    context.warn(['force_method'], 'has no effect', 'Kratos is always asked with GET')
  }
}

/** Oathkeeper's traps, kept and named. */
function warnAboutForwardingConfig(config: SessionConfig, url: URL, context: CompileContext): void {
  if (config.preserve_path !== true && url.pathname !== '/') {
    context.warn(
      ['check_session_url'],
      'its path is replaced by that of each request',
      'set preserve_path: true to keep it',
    )
  }
  if (config.require_subject !== true) {
    context.warn(
      ['check_session_url'],
      'any answer 200 lets the request in, with an empty subject where it names none',
      'set require_subject: true to refuse those',
    )
  }
  if (config.require !== undefined) {
    throw new HandlerConfigError(
      ['require'],
      'only sessions of Kratos can be held to it',
      'name Kratos’ whoami, or leave it out',
    )
  }
  if (config.cache !== undefined && typeof config.cache.enabled !== 'boolean') {
    context.warn(['cache'], 'has no effect', 'answers of this endpoint are remembered with enabled: true')
  }
}
