/** Authenticates every request without an Authorization header as one anonymous subject. */
import { z } from 'zod'
import { NOT_RESPONSIBLE } from '../../access/pipeline.ts'
import { identity } from '../../access/session.ts'
import { publicString } from '../compile/public_config.ts'
import { defineAuthenticator } from '../handler.ts'

export const anonymous = defineAuthenticator({
  id: 'anonymous',
  summary: 'authenticates requests without an Authorization header as one anonymous subject',
  config: z.strictObject({
    subject: publicString()
      .optional()
      .describe('Subject of such requests. Default, also for an empty value: `anonymous`.'),
  }),
  example: { subject: 'guest' },
  compile({ subject }) {
    const guest = identity(subject || 'anonymous')
    // Any non-empty Authorization header counts, whatever its scheme. Cookies do not.
    return request => ((request.header('authorization') ?? '') === '' ? guest : NOT_RESPONSIBLE)
  },
})
