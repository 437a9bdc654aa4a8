/** Distinguishes failures of Kratos from those that may be due to one credential. */
import type { HttpFailure, HttpResponse } from '../../clients/http/message.ts'

/** Not `too_large`, for example, which depends on the session. */
const TRANSPORT_FAILURES: ReadonlySet<HttpFailure['cause']> = new Set([
  'connect',
  'timeout',
  'reset',
  'deadline',
])

/**
 * Whether a failed call says something about all calls. A 400, 403 or 500 may be due to one odd credential, or to a firewall
 * that rejects it; so may a 200 without a valid session.
 */
export const concernsAll = (response: HttpResponse | HttpFailure): boolean =>
  response.kind === 'failed'
    ? TRANSPORT_FAILURES.has(response.cause)
    : response.status >= 502 && response.status <= 504
