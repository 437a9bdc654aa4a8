/** Rejects every request, so that no later authenticator is tried. */
import { z } from 'zod'
import { unauthorized as refused } from '../../access/denial.ts'
import { defineAuthenticator } from '../handler.ts'

export const unauthorized = defineAuthenticator({
  id: 'unauthorized',
  summary: 'rejects every request with 401',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  compile: () => () => refused('credential_rejected'),
})
