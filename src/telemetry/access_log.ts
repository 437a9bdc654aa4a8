/** Writes one log line and records the metrics for each decision. */
import type { Decision } from '../access/decision.ts'
import type { DecisionListener } from '../access/decision_listener.ts'
import { internalErrorEvent } from './internal_error.ts'
import type { Log } from './log.ts'

export interface RecorderDependencies {
  readonly log: Log
  readonly recordMetrics: (decision: Decision, milliseconds: number, method: string) => void
  readonly traceId: () => string
  /** Monotonic ms. */
  readonly now: () => number
}

export function createDecisionRecorder({
  log,
  recordMetrics,
  traceId,
  now,
}: RecorderDependencies): DecisionListener {
  return (decision, request, started) => {
    const durationMs = now() - started
    const { metadata } = decision
    recordMetrics(decision, durationMs, request?.method ?? '')
    log.decision({
      rule: metadata.rule,
      decision: decision.kind,
      status: decision.kind === 'allow' ? 200 : decision.status,
      code: metadata.code,
      reason: metadata.reason,
      authenticator: metadata.authenticator,
      refused_by: metadata.refusedBy,
      cache: metadata.annotations.cache ?? '',
      duration_ms: Math.round(durationMs * 1000) / 1000,
      request_id: request?.requestId ?? '',
      trace_id: traceId(),
    })
    if (metadata.cause !== undefined)
      log.event('error', internalErrorEvent(metadata.refusedBy || metadata.rule, metadata.cause))
  }
}
