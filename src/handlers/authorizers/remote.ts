/** Authorizes through a service that receives the body of the request. */
import { z } from 'zod'
import { type Denial, forbidden } from '../../access/denial.ts'
import type { RequestView } from '../../access/request.ts'
import { compileRemoteCall, headersSetByRemote, remoteConfigShape } from '../compile/remote_call.ts'
import { defineAuthorizer } from '../handler.ts'

export const remote = defineAuthorizer({
  id: 'remote',
  summary: 'authorizes through a service that receives the body of the request and headers from templates',
  config: z.strictObject({
    ...remoteConfigShape,
    allow_missing_body: z
      .boolean()
      .optional()
      .describe(
        'Ask the service about an empty body where the request has one that Envoy does not send. Default: false, which answers 403.',
      ),
  }),
  example: {
    remote: 'http://policies:8080/may',
    headers: { 'X-Subject': '{{ print .Subject }}', 'X-Path': '{{ .MatchContext.URL.Path }}' },
    forward_response_headers_to_upstream: ['X-Role'],
  },
  compile(config, services, context) {
    const callRemote = compileRemoteCall(config, 'remote', services, context)
    const allowsMissingBody = config.allow_missing_body === true
    // A body of HTTP/2 without a declared length cannot be detected at run time, so the load says it as well.
    context.warn(
      ['remote'],
      'receives the body of a request only if Envoy sends it',
      'set with_request_body in Envoy, without allow_partial_message; set allow_missing_body if the service does not read the body',
    )
    return session => {
      const { request } = session
      return (
        bodyProblem(request, allowsMissingBody) ??
        callRemote(session, request.header('content-type') ?? '', request.body)
      )
    }
  },
  setsHeaders: config => headersSetByRemote(config),
})

/** A decision about a part of the body, or about none, must not apply to all of it (docs/security-cases.md, E12). */
function bodyProblem(request: RequestView, allowsMissingBody: boolean): Denial | undefined {
  if (request.header('x-envoy-auth-partial-body') === 'true')
    return forbidden('forbidden', { reason: 'the body is too large for Envoy to send it completely' })
  if (allowsMissingBody || (request.body?.length ?? 0) > 0 || !declaresBody(request)) return undefined
  return forbidden('forbidden', {
    reason: 'the request has a body that Envoy does not send (with_request_body)',
  })
}

const declaresBody = (request: RequestView): boolean =>
  request.header('transfer-encoding') !== undefined || /[1-9]/.test(request.header('content-length') ?? '')
