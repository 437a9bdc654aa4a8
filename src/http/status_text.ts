/** Reason phrases of HTTP statuses (RFC 9110 §15). */
import { STATUS_CODES } from '../lib/node_http.ts'

/** The reason phrase; empty for an unknown status. */
export const statusText = (status: number): string => STATUS_CODES[status] ?? ''
