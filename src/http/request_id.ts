/** The id of a request, checked before it reaches logs and response bodies. */

/** Up to 200 characters of visible ASCII. A client may have chosen the id, to forge log lines for example. */
const VALID_REQUEST_ID = /^[\x21-\x7e]{1,200}$/

/** The id, or an empty text where it is absent or not valid. */
export const sanitizeRequestId = (value: string | undefined): string =>
  value !== undefined && VALID_REQUEST_ID.test(value) ? value : ''
