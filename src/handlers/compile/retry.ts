/** The `retry` keys that Oathkeeper accepts but never uses. */
import { z } from 'zod'
import { durationSchema } from './duration_schema.ts'

const unusedSchema = durationSchema('100ms').optional().describe('Accepted without effect.')

export const retrySchema = z
  .strictObject({ give_up_after: unusedSchema, max_delay: unusedSchema })
  .optional()
  .describe('Accepted without effect. Each call has a timeout of 10s and one retry after a connection error.')
