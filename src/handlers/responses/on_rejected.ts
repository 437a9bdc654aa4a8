/**
 * Implements `on_rejected`: whether an invalid credential ends the authentication or the next authenticator
 * is tried.
 */
import { z } from 'zod'
import { andThen } from '../../access/awaitable.ts'
import type { Denial, ReasonCode } from '../../access/denial.ts'
import { type Authenticate, NOT_RESPONSIBLE } from '../../access/pipeline.ts'

export const onRejectedSchema = z
  .enum(['refuse', 'next'])
  .optional()
  .describe(
    'Effect of an invalid credential. `refuse` responds with 401; `next` tries the next authenticator. An ambiguous credential or an unavailable service always ends the authentication. Default: `refuse`.',
  )

/**
 * Codes of an invalid credential. A session without its second factor is valid, and several different
 * credentials may be an attack, so both always end the authentication.
 */
const REJECTION_CODES: ReadonlySet<ReasonCode> = new Set(['no_credential', 'credential_rejected'])
const isRejection = ({ status, code }: Denial): boolean => status === 401 && REJECTION_CODES.has(code)

/** Applies `on_rejected: next` to an authenticator. Returns it unchanged for any other choice. */
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
