/** handlers/parts/reads_html — whether a request comes from somebody who reads pages. Knows no denial. */
import type { RequestView } from '../../access/request.ts'
import { parseMediaTypes } from '../../http/media_type.ts'

/** `text/html` by name; a wildcard is what programs send (D18). */
export const acceptsHtml = (request: RequestView): boolean =>
  parseMediaTypes(request.headerValues('accept').join(',')).some(
    ({ type, subtype, quality }) => quality > 0 && type === 'text' && subtype === 'html',
  )
