/** Writes one log line and records the metrics for each decision. */
import type { Decision } from '../access/decision.ts'
import type { DecisionListener } from '../access/decision_listener.ts'
import type { RequestView } from '../access/request.ts'
import type { DecisionPrivacy, ShownUrl } from './decision_privacy.ts'
import { internalErrorEvent } from './internal_error.ts'
import type { Log } from './log.ts'
import type { RecentActivity } from './recent_activity.ts'
import type { DecisionRecord } from './records.ts'

export interface RecorderDependencies {
  readonly log: Log
  readonly recordMetrics: (decision: Decision, milliseconds: number, method: string) => void
  readonly traceId: () => string
  /** Monotonic ms. */
  readonly now: () => number
  readonly privacy: DecisionPrivacy
  /** Fraction of allows that are logged, 0 to 1. */
  readonly allowedRatio: number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Stores the decisions for the admin API; absent where it is not enabled. */
  readonly recent?: Pick<RecentActivity, 'addDecision'> | undefined
}

export function createDecisionRecorder(dependencies: RecorderDependencies): DecisionListener {
  const { log, recordMetrics, traceId, now, privacy, allowedRatio, random, recent } = dependencies
  return (decision, request, started) => {
    const ended = now()
    const durationMs = ended - started
    const { metadata } = decision
    recordMetrics(decision, durationMs, request?.method ?? '')
    const isLogged = decision.kind === 'deny' || allowedRatio === 1 || random() < allowedRatio
    if (isLogged || recent !== undefined) {
      const record = recordOf(decision, request, durationMs, traceId(), privacy)
      if (isLogged) log.decision(record)
      recent?.addDecision(record, ended)
    }
    if (metadata.cause !== undefined)
      log.event('error', internalErrorEvent(metadata.refusedBy || metadata.rule, metadata.cause))
  }
}

const NO_URL: ShownUrl = { scheme: '', host: '', path: '' }

function recordOf(
  decision: Decision,
  request: RequestView | undefined,
  durationMs: number,
  traceId: string,
  privacy: DecisionPrivacy,
): DecisionRecord {
  const { metadata } = decision
  const { scheme, host, path } = request === undefined ? NO_URL : privacy.url(request)
  return {
    rule: metadata.rule,
    revision: metadata.revision,
    decision: decision.kind,
    status: decision.kind === 'allow' ? 200 : decision.status,
    code: metadata.code,
    reason: metadata.reason,
    authenticator: metadata.authenticator,
    refused_by: metadata.refusedBy,
    error_handler: metadata.errorHandler,
    cache: metadata.annotations.cache ?? '',
    duration_ms: Math.round(durationMs * 1000) / 1000,
    method: request?.method ?? '',
    scheme,
    host,
    path,
    subject: privacy.person(metadata.subject),
    client: privacy.person(request?.remoteAddress ?? ''),
    request_id: request?.requestId ?? '',
    trace_id: traceId,
  }
}
