/** Authorizes through a service that receives a JSON document from a template. */
import { z } from 'zod'
import { internalError } from '../../access/denial.ts'
import { compileRemoteCall, headersSetByRemote, remoteConfigShape } from '../compile/remote_call.ts'
import { compileTemplate } from '../compile/template.ts'
import { defineAuthorizer } from '../handler.ts'

export const remoteJson = defineAuthorizer({
  id: 'remote_json',
  summary: 'authorizes through a service that receives a JSON document and headers from templates',
  config: z.strictObject({
    ...remoteConfigShape,
    payload: z
      .string()
      .describe('Template of the JSON document. Values are not escaped, so print them with toJson.'),
  }),
  example: {
    remote: 'http://policies:8080/may',
    payload: '{"subject": {{ print .Subject | toJson }}, "path": {{ toJson .MatchContext.URL.Path }}}',
  },
  compile({ payload, ...keys }, services, context) {
    const callRemote = compileRemoteCall(keys, 'remote_json', services, context)
    const render = compileTemplate(payload, ['payload'], services, context, { json: true })
    return session => {
      const body = render(session)
      if (typeof body !== 'string') return body
      if (!isJson(body)) return internalError('template', 'the payload is not JSON')
      return callRemote(session, 'application/json', body)
    }
  },
  setsHeaders: config => headersSetByRemote(config),
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
