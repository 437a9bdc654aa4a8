/** telemetry/decision_line — one decision as the very line that pino writes for it, without asking of each field what it is. Knows the record, no stream. */
import type { DecisionRecord } from './log.ts'

/** What pino writes as it is between quotes; everything else goes through `JSON.stringify`, as there. */
const PLAIN = /^[\x20!#-[\]-\ud7ff\ue000-\uffff]*$/
const quote = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text))

/** `base`: what every line begins with after level and time, as `,"key":"value"`; `wall` is in milliseconds since the epoch. */
export function createDecisionLine(base: string, wall: () => number): (record: DecisionRecord) => string {
  let stampedAt = Number.NaN
  let stamp = ''
  return record => {
    const now = wall()
    // Lines come faster than the milliseconds that they show.
    if (now !== stampedAt) {
      stampedAt = now
      stamp = new Date(now).toISOString()
    }
    const granted = record.decision === 'allow'
    return (
      `{"level":"info","time":"${stamp}"${base},"rule":${quote(record.rule)},"decision":"${record.decision}"` +
      `,"status":${record.status},"code":"${record.code}","reason":${quote(record.reason)}` +
      `,"authenticator":${quote(record.authenticator)},"refused_by":${quote(record.refused_by)}` +
      `,"cache":"${record.cache}","duration_ms":${record.duration_ms}` +
      `,"request_id":${quote(record.request_id)},"trace_id":"${record.trace_id}"` +
      `,"msg":"Access request ${granted ? 'granted' : 'denied'}"}\n`
    )
  }
}
