/** handlers/parts/retry — the `retry` keys that Oathkeeper accepts and never used. Knows no call. */
import { z } from 'zod'
import { DURATION_PATTERN } from '../../lib/time.ts'

const durationSchema = z
  .string()
  .regex(DURATION_PATTERN, 'must be a whole number and one unit, like 100ms')
  .optional()

export const retrySchema = z
  .strictObject({ give_up_after: durationSchema, max_delay: durationSchema })
  .optional()
  .describe('accepted and without effect: a call has 10s, and one more try after a connection error')
