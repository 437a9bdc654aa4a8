/** handlers/authorizers/allow — lets everybody through. Asks nothing. */
import { z } from 'zod'
import { defineAuthorizer } from '../handler.ts'

export const allow = defineAuthorizer({
  id: 'allow',
  summary: 'lets every authenticated request through',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  compile: () => session => session,
})
