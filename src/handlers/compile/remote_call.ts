/**
 * The call of a remote authorizer and the interpretation of its response, shared by `remote` and
 * `remote_json`.
 */
import { z } from 'zod'
import { type Denial, denial, forbidden, internalError, rateLimited } from '../../access/denial.ts'
import { type Json, type Session, withHeader } from '../../access/session.ts'
import type { HeaderPair, HttpResponse } from '../../clients/http/message.ts'
import { compileGjson } from '../../gjson/index.ts'
import { parseJson } from '../../golang/index.ts'
import { isHeaderValue } from '../../http/header_rules.ts'
import { rateLimitHeaders } from '../../http/rate_limit_headers.ts'
import { statusText } from '../../http/status_text.ts'
import { millis } from '../../lib/time.ts'
import type { CompileContext } from '../handler.ts'
import type { Services } from '../services.ts'
import { failedCall } from './call_failure.ts'
import { compileOutgoingHeaders, settableHeaderName } from './header_templates.ts'
import { publicString } from './public_config.ts'
import { retrySchema } from './retry.ts'
import { httpUrlSchema } from './urls.ts'

/** The keys that `remote` and `remote_json` share. */
export const remoteConfigShape = {
  remote: httpUrlSchema.describe(
    'URL for the POST request. A response with 200 allows the request, one with 403 denies it.',
  ),
  headers: z
    .record(publicString(), z.string())
    .optional()
    .describe(
      'Header names, each with a template of its value. A header with an empty value is not sent. Default: none.',
    ),
  forward_response_headers_to_upstream: z
    .array(publicString())
    .refine(names => new Set(names).size === names.length, 'must not contain a header twice')
    .optional()
    .describe(
      'Response headers to set on the upstream request. A missing one is set to an empty value. Default: none.',
    ),
  allow_statuses: z
    .array(z.int().min(200).max(299))
    .optional()
    .describe('Further statuses that allow the request, such as 204. Default: none.'),
  deny_statuses: z
    .array(z.union([z.literal(400), z.literal(401), z.literal(404)]))
    .optional()
    .describe('Further statuses that deny the request with the same status: 400, 401 or 404. Default: none.'),
  allowed_from: publicString()
    .optional()
    .describe(
      'Gjson path in the JSON response. The request is allowed only if the path finds `true`. Default: the status decides.',
    ),
  retry: retrySchema,
}

const remoteConfigSchema = z.strictObject(remoteConfigShape)
export type RemoteConfig = z.infer<typeof remoteConfigSchema>

/**
 * Calls the service with a content type and a body. Resolves to the session with the forwarded headers, or to
 * a denial.
 */
export type CallRemote = (
  session: Session,
  contentType: string,
  body: string | Uint8Array | undefined,
) => Promise<Session | Denial>

/**
 * Long enough for slow services that work with Oathkeeper. The deadline of the request ends the call
 * earlier.
 */
const CALL_TIMEOUT_MS = millis(10_000)

/** `target` names the call in spans and metrics. Throws `HandlerConfigError` for invalid headers. */
export function compileRemoteCall(
  config: RemoteConfig,
  target: string,
  services: Services,
  context: CompileContext,
): CallRemote {
  const templates = compileOutgoingHeaders(config.headers ?? {}, ['headers'], services, context)
  const readResponse = compileResponseReader(config, target)
  return async (session, contentType, body) => {
    const { request } = session
    const headers = new Map([['content-type', contentType]])
    const authorization = request.header('authorization')
    if (authorization !== undefined) headers.set('authorization', authorization)
    for (const { name, render } of templates) {
      const value = render(session)
      if (typeof value !== 'string') return value
      if (!isHeaderValue(value))
        return internalError('template', `the value of ${name} has a control character`)
      if (value !== '') headers.set(name, value)
    }
    const response = await services.send({
      method: 'POST',
      url: config.remote,
      headers: [...headers],
      ...(body === undefined ? {} : { body }),
      timeout: CALL_TIMEOUT_MS,
      deadline: () => request.deadline,
      // After a connection error only. Oathkeeper's retries of other failures take whole seconds.
      retries: 1,
      target,
      caller: { address: request.remoteAddress },
    })
    if (response.kind === 'failed') return failedCall(response)
    return readResponse(response, session)
  }
}

/** All other statuses, such as 204 and 3xx, are a 500 unless the rule lists them. */
function compileResponseReader(
  config: RemoteConfig,
  target: string,
): (response: HttpResponse, session: Session) => Session | Denial {
  const forwardedHeaders = forwardedHeaderNames(config)
  const allowStatuses = new Set([200, ...(config.allow_statuses ?? [])])
  const denyStatuses = new Map((config.deny_statuses ?? []).map(status => [status as number, status]))
  const findAllowed = config.allowed_from === undefined ? undefined : compileGjson(config.allowed_from)
  return (response, session) => {
    const { status } = response
    if (status === 403) return forbidden('forbidden')
    if (status === 429) return rateLimited({ headers: rateLimitHeaders(response.headers) })
    const denyStatus = denyStatuses.get(status)
    if (denyStatus !== undefined) return denial(denyStatus, 'forbidden', statusText(denyStatus))
    if (!allowStatuses.has(status))
      return internalError('bad_answer', `${target}: expected 200 or 403, got ${status}`)
    if (findAllowed !== undefined) {
      const document = parseJson(response.body)
      if (document === undefined) return internalError('bad_answer', `${target}: the response is not JSON`)
      // Only `true` allows; values such as "true" or 1 do not (docs/security-cases.md, H9).
      if (findAllowed(document as Json) !== true) return forbidden('forbidden')
    }
    return forwardedHeaders.reduce(
      (changed, name) => withHeader(changed, name, firstHeaderValue(response.headers, name)),
      session,
    )
  }
}

/** Empty if absent, so that a header of the client cannot pass for one of the authorizer. */
const firstHeaderValue = (headers: readonly HeaderPair[], name: string): string =>
  headers.find(([key]) => key === name)?.[1] ?? ''

const forwardedHeaderNames = (config: RemoteConfig): readonly string[] =>
  (config.forward_response_headers_to_upstream ?? []).map((written, i) =>
    settableHeaderName(written, ['forward_response_headers_to_upstream', i]),
  )

/** Implements `Handler.setsHeaders`. */
export const headersSetByRemote = (config: RemoteConfig): readonly string[] =>
  (config.forward_response_headers_to_upstream ?? []).map(name => name.toLowerCase())
