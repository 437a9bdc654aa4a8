/** handlers/mutators/noop — changes nothing. */
import { z } from 'zod'
import { defineMutator } from '../handler.ts'

export const noop = defineMutator({
  id: 'noop',
  summary: 'hands the request on unchanged',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  // Oathkeeper echoes every request header here; Envoy keeps them by itself.
  compile: () => session => session,
})
