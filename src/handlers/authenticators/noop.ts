/** handlers/authenticators/noop — recognises everybody as nobody: an empty subject. Asks nobody. */
import { z } from 'zod'
import { identity } from '../../access/session.ts'
import { defineAuthenticator } from '../handler.ts'

export const noop = defineAuthenticator({
  id: 'noop',
  summary: 'lets every request on to the authorizer with an empty subject',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  compile() {
    const nobody = identity('')
    return () => nobody
  },
})
