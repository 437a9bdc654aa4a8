/** handlers/authorizers/deny — refuses everybody. Asks nothing. */
import { z } from 'zod'
import { forbidden } from '../../access/denial.ts'
import { defineAuthorizer } from '../handler.ts'

export const deny = defineAuthorizer({
  id: 'deny',
  summary: 'refuses every request with 403',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  compile: () => () => forbidden('forbidden'),
})
