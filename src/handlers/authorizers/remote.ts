/** handlers/authorizers/remote — asks a service with the body of the request whether it may pass. Knows no answer but its status. */
import { z } from 'zod'
import { forbidden } from '../../access/denial.ts'
import { compileRemoteCall, headersSetByRemote, remoteConfigShape } from '../compile/remote_call.ts'
import { defineAuthorizer } from '../handler.ts'

export const remote = defineAuthorizer({
  id: 'remote',
  summary: 'asks a service, which gets the body of the request and headers from templates',
  config: z.strictObject(remoteConfigShape),
  example: {
    remote: 'http://policies:8080/may',
    headers: { 'X-Subject': '{{ print .Subject }}', 'X-Path': '{{ .MatchContext.URL.Path }}' },
    forward_response_headers_to_upstream: ['X-Role'],
  },
  compile(config, services, context) {
    const ask = compileRemoteCall(config, 'remote', services, context)
    // silent where it is missing, since a request without a body looks the same.
    context.warn(
      ['remote'],
      'gets the body of a request only where Envoy sends it',
      'set with_request_body in Envoy, without allow_partial_message, if the service looks at it',
    )
    return session => {
      const { request } = session
      // E12: who is asked about a part cannot answer for the whole.
      if (request.header('x-envoy-auth-partial-body') === 'true') {
        return forbidden('forbidden', { reason: 'the body is too large to be authorized as a whole' })
      }
      return ask(session, request.header('content-type') ?? '', request.body)
    }
  },
  setsHeaders: config => headersSetByRemote(config),
})
