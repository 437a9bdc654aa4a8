/** handlers/parts/remote_call — the question to an authorizer outside and what its answer means (spec 5.2). Knows not what the body says. */
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
import { compileOutgoingHeaders, settableHeaderName } from './header_templates.ts'
import { retrySchema } from './retry.ts'
import { httpUrlSchema } from './urls.ts'

export const remoteConfigShape = {
  remote: httpUrlSchema.describe('URL that is asked with POST: 200 lets the request in, 403 refuses it'),
  headers: z
    .record(z.string(), z.string())
    .optional()
    .describe('header names, each with a template for its value; one that renders empty is not sent'),
  forward_response_headers_to_upstream: z
    .array(z.string())
    .refine(names => new Set(names).size === names.length, 'must not name a header twice')
    .optional()
    .describe('headers of the answer to set on the upstream request; one that is missing is set empty'),
  allow_statuses: z
    .array(z.int().min(200).max(299))
    .optional()
    .describe('further statuses that let the request in, such as 204; default none'),
  deny_statuses: z
    .array(z.union([z.literal(400), z.literal(401), z.literal(404)]))
    .optional()
    .describe('further statuses that refuse it, each with itself: 400, 401, 404; default none'),
  allowed_from: z
    .string()
    .optional()
    .describe(
      'gjson path in the JSON of the answer: lets the request in only where it finds true; default: any answer',
    ),
  retry: retrySchema,
}

const remoteConfigSchema = z.strictObject(remoteConfigShape)
export type RemoteConfig = z.infer<typeof remoteConfigSchema>

/** Asks with this content type and body. */
export type CallRemote = (
  session: Session,
  contentType: string,
  body: string | Uint8Array | undefined,
) => Promise<Session | Denial>

/** Long enough for slow services that work today; the deadline of the request ends it earlier. */
const CALL_TIMEOUT_MS = millis(10_000)

/** `target` names the call in spans and metrics. */
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
    const answer = await services.send({
      method: 'POST',
      url: config.remote,
      headers: [...headers],
      ...(body === undefined ? {} : { body }),
      timeout: CALL_TIMEOUT_MS,
      deadline: request.deadline,
      // After a connection error alone: each further try of anything else cost whole seconds.
      retries: 1,
      target,
    })
    if (answer.kind === 'failed') return internalError('unavailable', answer.message)
    return readResponse(answer, session)
  }
}

/** 204, 3xx and all the rest are no answer to the question unless the rule says so. */
function compileResponseReader(
  config: RemoteConfig,
  target: string,
): (answer: HttpResponse, session: Session) => Session | Denial {
  const forwardedHeaders = forwardedHeaderNames(config)
  const allowStatuses = new Set([200, ...(config.allow_statuses ?? [])])
  const denyStatuses = new Map((config.deny_statuses ?? []).map(status => [status as number, status]))
  const findAllowed = config.allowed_from === undefined ? undefined : compileGjson(config.allowed_from)
  return (answer, session) => {
    const { status } = answer
    if (status === 403) return forbidden('forbidden')
    if (status === 429) return rateLimited({ headers: rateLimitHeaders(answer.headers) })
    const denyStatus = denyStatuses.get(status)
    if (denyStatus !== undefined) return denial(denyStatus, 'forbidden', statusText(denyStatus))
    if (!allowStatuses.has(status))
      return internalError('bad_answer', `${target}: expected 200 or 403, got ${status}`)
    if (findAllowed !== undefined) {
      const document = parseJson(answer.body)
      if (document === undefined) return internalError('bad_answer', `${target}: the answer is not JSON`)
      // H9: an explicit yes, and nothing that only looks like one.
      if (findAllowed(document as Json) !== true) return forbidden('forbidden')
    }
    return forwardedHeaders.reduce(
      (changed, name) => withHeader(changed, name, firstHeaderValue(answer.headers, name)),
      session,
    )
  }
}

/** Empty where there is none: a client's own header of that name must not pass for the authorizer's. */
const firstHeaderValue = (headers: readonly HeaderPair[], name: string): string =>
  headers.find(([key]) => key === name)?.[1] ?? ''

const forwardedHeaderNames = (config: RemoteConfig): readonly string[] =>
  (config.forward_response_headers_to_upstream ?? []).map((written, i) =>
    settableHeaderName(written, ['forward_response_headers_to_upstream', i]),
  )

/** For `Handler.writes`. */
export const headersSetByRemote = (config: RemoteConfig): readonly string[] =>
  (config.forward_response_headers_to_upstream ?? []).map(name => name.toLowerCase())
