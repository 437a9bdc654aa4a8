/** Formats a decision as one line to read, as `log.format: text` prints it. */
import type { DecisionRecord } from './records.ts'

/**
 * `12:05:00.250  403 forbidden  GET  app.example.com/orders/17  orders  remote_json  …  7 ms  r-1`, without a line end.
 * Columns: time in UTC, status and code, method, URL, rule, the handler that denied or else the authenticator, the reason
 * or else the subject, duration, request id. What a request or a rule contributes has no control characters, so that it
 * can neither begin a line nor control a terminal.
 */
export function formatDecisionText(record: DecisionRecord, wallMs: number): string {
  const url = record.host === '' ? record.path || '-' : `${record.host}${record.path}`
  const columns = [
    new Date(wallMs).toISOString().slice(11, 23),
    `${record.status} ${record.code}`.padEnd(26),
    (record.method || '-').padEnd(6),
    url.padEnd(38),
    (record.rule || '-').padEnd(18),
    (record.refused_by || record.authenticator || '-').padEnd(16),
    (record.reason || record.subject || '-').padEnd(24),
    `${record.duration_ms} ms`,
    record.request_id,
  ]
  return escapeControls(columns.join('  ').trimEnd())
}

/** C0 and C1 controls, and the characters that reorder text (Unicode TR 36, section 3.3). */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

const escapeControls = (text: string): string =>
  text.replace(CONTROLS, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
