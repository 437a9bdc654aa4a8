/** handlers/authenticators/unauthorized — recognises nobody and ends the search. Asks nobody. */
import { z } from 'zod'
import { unauthorized as refused } from '../../access/denial.ts'
import { defineAuthenticator } from '../handler.ts'

export const unauthorized = defineAuthenticator({
  id: 'unauthorized',
  summary: 'refuses every request with 401',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  compile: () => () => refused('credential_rejected'),
})
