/** Schema of durations in handler configurations. */
import { z } from 'zod'
import { DURATION_PATTERN } from '../../lib/time.ts'

/** A duration as text, such as `30s`. `example` appears in the error message. */
export const durationSchema = (example: string) =>
  z.string().regex(DURATION_PATTERN, `must be a whole number and one unit, like ${example}`)
