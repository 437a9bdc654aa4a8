/** handlers/parts/fall_through — a rejected credential as if there had been none, where a rule wants that. Knows no credential. */
import { z } from 'zod'
import { after } from '../../access/after.ts'
import type { ReasonCode } from '../../access/denial.ts'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'

export const fallThroughKey = {
  fall_through: z
    .boolean()
    .optional()
    .describe('leaves a credential that is rejected with 401 to the next authenticator; default false'),
}

/** That nothing was found out is no rejection (F13), nor is a choice between several credentials (C13) or a good one that does not do. */
const REJECTED: ReadonlySet<ReasonCode> = new Set(['credential_rejected', 'no_credential'])

export function fallThrough(
  { fall_through: wanted }: { readonly fall_through?: boolean | undefined },
  authenticate: Authenticate,
): Authenticate {
  if (wanted !== true) return authenticate
  return request =>
    after(authenticate(request), outcome =>
      outcome.kind === 'denial' && outcome.status === 401 && REJECTED.has(outcome.code)
        ? NOT_RESPONSIBLE
        : outcome,
    )
}
