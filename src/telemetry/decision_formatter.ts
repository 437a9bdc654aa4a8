/** Formats a decision as exactly the line that pino writes, without pino's inspection of every field. */
import type { DecisionRecord } from './records.ts'

/** Text that needs no escaping. pino uses `JSON.stringify` for any other, too. */
const UNESCAPED_TEXT = /^[\x20!#-[\]-\ud7ff\ue000-\uffff]*$/
const quoteJson = (text: string): string => (UNESCAPED_TEXT.test(text) ? `"${text}"` : JSON.stringify(text))

/** Bounds the cache of outcomes. Beyond it the cache starts anew. */
const MAX_CACHED_RULES = 20_000

/** `base`: fields after level and time, as `,"key":"value"`. `wall`: ms since the epoch. */
export function createDecisionFormatter(
  base: string,
  wall: () => number,
): (record: DecisionRecord) => string {
  let timestampMs = Number.NaN
  let timestamp = ''
  /** Last outcome and its text by rule. The next request of a rule nearly always has the same outcome. */
  const lastByRule = new Map<string, { readonly of: DecisionRecord; readonly text: string }>()

  function formatOutcome(record: DecisionRecord): string {
    const last = lastByRule.get(record.rule)
    if (last !== undefined && sameOutcome(last.of, record)) return last.text
    const text =
      `${base},"rule":${quoteJson(record.rule)},"revision":"${record.revision}","decision":"${record.decision}","status":${record.status}` +
      `,"code":"${record.code}","reason":${quoteJson(record.reason)},"authenticator":${quoteJson(record.authenticator)}` +
      `,"refused_by":${quoteJson(record.refused_by)},"error_handler":${quoteJson(record.error_handler)},"cache":"${record.cache}","duration_ms":`
    if (lastByRule.size >= MAX_CACHED_RULES) lastByRule.clear()
    lastByRule.set(record.rule, { of: record, text })
    return text
  }

  return record => {
    const now = wall()
    // Several lines share one millisecond.
    if (now !== timestampMs) {
      timestampMs = now
      timestamp = new Date(now).toISOString()
    }
    return (
      `{"level":"info","time":"${timestamp}"${formatOutcome(record)}${record.duration_ms}` +
      `,"method":${quoteJson(record.method)},"scheme":"${record.scheme}","host":${quoteJson(record.host)}` +
      `,"path":${quoteJson(record.path)},"subject":${quoteJson(record.subject)},"client":${quoteJson(record.client)}` +
      `,"request_id":${quoteJson(record.request_id)},"trace_id":"${record.trace_id}"` +
      `,"msg":"Access request ${record.decision === 'allow' ? 'granted' : 'denied'}"}\n`
    )
  }
}

const sameOutcome = (a: DecisionRecord, b: DecisionRecord): boolean =>
  a.revision === b.revision &&
  a.decision === b.decision &&
  a.status === b.status &&
  a.code === b.code &&
  a.reason === b.reason &&
  a.authenticator === b.authenticator &&
  a.refused_by === b.refused_by &&
  a.error_handler === b.error_handler &&
  a.cache === b.cache
