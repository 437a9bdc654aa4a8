/** The denial for a call of a service without a complete response. */
import { type Denial, internalError, unavailable } from '../../access/denial.ts'
import type { HttpFailure } from '../../clients/http/message.ts'

/**
 * Like Oathkeeper, a 500 for a service that fails. A 503 if the calls to the service are limited: the client may try again.
 */
export const failedCall = ({ cause, message }: HttpFailure): Denial =>
  cause === 'busy' ? unavailable(message) : internalError('unavailable', message)
