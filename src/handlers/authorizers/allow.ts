/** Allows every authenticated request. */
import { z } from 'zod'
import { defineAuthorizer } from '../handler.ts'

export const allow = defineAuthorizer({
  id: 'allow',
  summary: 'allows every authenticated request',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  compile: () => session => session,
})
