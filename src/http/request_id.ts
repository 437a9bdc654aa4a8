/** lib/request_id — the id of a request as logs and bodies may carry it. Knows nothing of access control. */

/** Visible ASCII, not without end: it may be the client's own word (I2). */
const VALID_REQUEST_ID = /^[\x21-\x7e]{1,200}$/

/** Empty where there is none, or none that is fit to be repeated. */
export const sanitizeRequestId = (value: string | undefined): string =>
  value !== undefined && VALID_REQUEST_ID.test(value) ? value : ''
