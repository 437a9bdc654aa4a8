/** handlers/errors/json — refuses with Oathkeeper's JSON. Knows only the denial and the request's id. */
import { z } from 'zod'
import { defineErrorHandler } from '../handler.ts'
import { jsonErrorResponse } from '../responses/error_body.ts'
import { whenSchema } from '../responses/when.ts'

export const json = defineErrorHandler({
  id: 'json',
  summary: 'answers with the status and a JSON body',
  config: z.strictObject({
    verbose: z.boolean().optional().describe('show why, instead of a message by status; default false'),
    when: whenSchema,
  }),
  example: { verbose: true, when: [{ error: ['unauthorized'] }] },
  compile:
    ({ verbose }) =>
    (denial, request) =>
      jsonErrorResponse(denial, request, verbose === true),
})
