/** Leaves the request unchanged. */
import { z } from 'zod'
import { defineMutator } from '../handler.ts'

export const noop = defineMutator({
  id: 'noop',
  summary: 'leaves the request unchanged',
  config: z.strictObject({}),
  example: {},
  ignoresConfig: true,
  // Oathkeeper copies every request header here. Envoy keeps the headers without that.
  compile: () => session => session,
})
