/** handlers/authenticators/anonymous — recognises everybody who brings no Authorization header. Asks nobody. */
import { z } from 'zod'
import { NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import { identity } from '../../access/session.ts'
import { defineAuthenticator } from '../handler.ts'

export const anonymous = defineAuthenticator({
  id: 'anonymous',
  summary: 'recognises everybody who brings no Authorization header as one guest',
  config: z.strictObject({
    subject: z
      .string()
      .optional()
      .describe('the subject of a guest; default (and for an empty one) "anonymous"'),
  }),
  example: { subject: 'guest' },
  compile({ subject }) {
    const guest = identity(subject || 'anonymous')
    // Any scheme, and any value but the empty one; cookies do not count.
    return request => ((request.header('authorization') ?? '') === '' ? guest : NOT_RESPONSIBLE)
  },
})
