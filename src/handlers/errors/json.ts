/** Responds to errors with Oathkeeper's JSON body. */
import { z } from 'zod'
import { defineErrorHandler } from '../handler.ts'
import { jsonErrorResponse } from '../responses/error_body.ts'
import { whenSchema } from '../responses/when.ts'

export const json = defineErrorHandler({
  id: 'json',
  summary: 'responds with the status and a JSON body',
  config: z.strictObject({
    verbose: z
      .boolean()
      .optional()
      .describe(
        'Whether to show the message and reason of the denial instead of a general message. Default: false.',
      ),
    when: whenSchema,
  }),
  example: { verbose: true, when: [{ error: ['unauthorized'] }] },
  compile:
    ({ verbose }) =>
    (denial, request) =>
      jsonErrorResponse(denial, request, verbose === true),
})
