/** Denies every request. */
import { z } from 'zod'
import { forbidden } from '../../access/denial.ts'
import { defineAuthorizer } from '../handler.ts'

export const deny = defineAuthorizer({
  id: 'deny',
  summary: 'denies every request with 403',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  compile: () => () => forbidden('forbidden'),
})
