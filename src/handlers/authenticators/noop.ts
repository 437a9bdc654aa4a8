/** Authenticates every request with an empty subject. */
import { z } from 'zod'
import { identity } from '../../access/session.ts'
import { defineAuthenticator } from '../handler.ts'

export const noop = defineAuthenticator({
  id: 'noop',
  summary: 'authenticates every request with an empty subject',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  compile() {
    const emptyIdentity = identity('')
    return () => emptyIdentity
  },
})
