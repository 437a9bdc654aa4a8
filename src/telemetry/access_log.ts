/** telemetry/record — one decision, one log line and its counts. Knows the shape of a decision, not how it was made. */
import type { Decision } from '../access/decision.ts'
import type { RequestView } from '../access/request.ts'
import { accidentEvent } from './internal_error.ts'
import type { Log } from './log.ts'

export interface RecordParts {
  readonly log: Log
  readonly count: (decision: Decision, milliseconds: number, method: string) => void
  readonly traceId: () => string
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** `request` is absent where a Check could not be read. */
export type RecordDecision = (decision: Decision, request: RequestView | undefined, started: number) => void

export function createRecorder({ log, count, traceId, now }: RecordParts): RecordDecision {
  return (decision, request, started) => {
    const took = now() - started
    const { trail } = decision
    count(decision, took, request?.method ?? '')
    log.decision({
      rule: trail.rule,
      decision: decision.kind,
      status: decision.kind === 'allow' ? 200 : decision.status,
      code: trail.code,
      reason: trail.reason,
      authenticator: trail.authenticator,
      refused_by: trail.refusedBy,
      cache: trail.notes.cache ?? '',
      duration_ms: Math.round(took * 1000) / 1000,
      request_id: request?.requestId ?? '',
      trace_id: traceId(),
    })
    if (trail.cause !== undefined)
      log.event('error', accidentEvent(trail.refusedBy || trail.rule, trail.cause))
  }
}
