/** Authorizes through a service that receives the body of the request. */
import { z } from 'zod'
import { forbidden } from '../../access/denial.ts'
import { compileRemoteCall, headersSetByRemote, remoteConfigShape } from '../compile/remote_call.ts'
import { defineAuthorizer } from '../handler.ts'

export const remote = defineAuthorizer({
  id: 'remote',
  summary: 'authorizes through a service that receives the body of the request and headers from templates',
  config: z.strictObject(remoteConfigShape),
  example: {
    remote: 'http://policies:8080/may',
    headers: { 'X-Subject': '{{ print .Subject }}', 'X-Path': '{{ .MatchContext.URL.Path }}' },
    forward_response_headers_to_upstream: ['X-Role'],
  },
  compile(config, services, context) {
    const callRemote = compileRemoteCall(config, 'remote', services, context)
    // A missing body cannot be detected at run time, because a request without one looks the same.
    context.warn(
      ['remote'],
      'receives the body of a request only if Envoy sends it',
      'set with_request_body in Envoy, without allow_partial_message, if the service reads the body',
    )
    return session => {
      const { request } = session
      // A decision about a part of the body must not apply to all of it (docs/security-cases.md, E12).
      if (request.header('x-envoy-auth-partial-body') === 'true') {
        return forbidden('forbidden', { reason: 'the body is too large for Envoy to send it completely' })
      }
      return callRemote(session, request.header('content-type') ?? '', request.body)
    }
  },
  setsHeaders: config => headersSetByRemote(config),
})
