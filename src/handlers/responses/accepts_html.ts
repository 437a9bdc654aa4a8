/** Detects requests of browsers by their Accept header. */
import type { RequestView } from '../../access/request.ts'
import { parseMediaTypes } from '../../http/media_type.ts'

/**
 * Whether the Accept header contains `text/html` itself. A wildcard does not count, because other programs
 * send it.
 */
export const acceptsHtml = (request: RequestView): boolean =>
  parseMediaTypes(request.headerValues('accept').join(',')).some(
    ({ type, subtype, quality }) => quality > 0 && type === 'text' && subtype === 'html',
  )
