/** lib/status_text — the standard text of an HTTP status. Knows nothing of access control. */
import { STATUS_CODES } from 'node:http'

/** Empty for a status without one. */
export const statusText = (status: number): string => STATUS_CODES[status] ?? ''
