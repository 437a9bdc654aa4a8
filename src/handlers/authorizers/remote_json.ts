/** handlers/authorizers/remote_json — asks a service with a JSON document from a template whether a request may pass. Knows no answer but its status. */
import { z } from 'zod'
import { internalError } from '../../access/denial.ts'
import { compileRemoteCall, headersSetByRemote, remoteConfigShape } from '../compile/remote_call.ts'
import { compileTemplate } from '../compile/template.ts'
import { defineAuthorizer } from '../handler.ts'

export const remoteJson = defineAuthorizer({
  id: 'remote_json',
  summary: 'asks a service, which gets a JSON document and headers from templates',
  config: z.strictObject({
    ...remoteConfigShape,
    payload: z
      .string()
      .describe('template of the JSON document; nothing is escaped in it, so print values with toJson'),
  }),
  example: {
    remote: 'http://policies:8080/may',
    payload: '{"subject": {{ print .Subject | toJson }}, "path": {{ toJson .MatchContext.URL.Path }}}',
  },
  compile({ payload, ...keys }, services, context) {
    const ask = compileRemoteCall(keys, 'remote_json', services, context)
    const render = compileTemplate(payload, ['payload'], services, context, { json: true })
    return session => {
      const body = render(session)
      if (typeof body !== 'string') return body
      if (!isJson(body)) return internalError('template', 'the payload is not JSON')
      return ask(session, 'application/json', body)
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
