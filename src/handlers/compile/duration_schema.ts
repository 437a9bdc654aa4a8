/** Schema of durations in handler configurations. */
import { DURATION_PATTERN } from '../../lib/time.ts'
import { publicString } from './public_config.ts'

/** A duration as text, such as `30s`. `example` appears in the error message. */
export const durationSchema = (example: string) =>
  publicString().regex(DURATION_PATTERN, `must be a whole number and one unit, like ${example}`)
