/** handlers/parts/on_rejected — whether a credential that is not valid ends the search, as in Oathkeeper, or counts as none. Knows no credential. */
import { z } from 'zod'
import { andThen } from '../../access/awaitable.ts'
import type { Denial, ReasonCode } from '../../access/denial.ts'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'

export const onRejectedSchema = z
  .enum(['refuse', 'next'])
  .optional()
  .describe(
    'what a credential that is not valid means: `refuse` (default) ends with 401, `next` asks the next authenticator as if there were none. What could not be found out, or is ambiguous, always ends',
  )

/** "No" to a credential. A session that wants a second factor is a good one, and several unequal ones are an attack (C2, C13). */
const REJECTION_CODES: ReadonlySet<ReasonCode> = new Set(['no_credential', 'credential_rejected'])
const isRejection = ({ status, code }: Denial): boolean => status === 401 && REJECTION_CODES.has(code)

export function withOnRejected(
  choice: z.output<typeof onRejectedSchema>,
  authenticate: Authenticate,
): Authenticate {
  if (choice !== 'next') return authenticate
  return request =>
    andThen(authenticate(request), outcome =>
      outcome.kind === 'denial' && isRejection(outcome) ? NOT_RESPONSIBLE : outcome,
    )
}
