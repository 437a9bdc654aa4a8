/** app_log — what the service says of itself between decisions: readings of the rules. Knows the log's records. */

import type { Diagnostic } from '../documents/issue.ts'
import type { SourceState } from '../rules/repositories/sources.ts'
import type { ReloadReport } from '../rules/rulebook.ts'
import type { CircuitBreakerCause, CircuitBreakerState } from '../sessions/kratos/circuit_breaker.ts'
import type { RevocationStreamEvent } from '../sessions/replication/revocation_message.ts'
import type { SessionMetricEvent } from '../telemetry/instruments.ts'
import type { Log } from '../telemetry/log.ts'
import type { CertificateRenewal } from './tls.ts'

export function countIssues(issues: readonly Diagnostic[]) {
  const errors = issues.filter(issue => issue.severity === 'error').length
  return { errors, warnings: issues.length - errors }
}

/** How many repositories are in each state. */
export function countStates(states: readonly SourceState[]): Readonly<Record<SourceState['state'], number>> {
  const counts = { fresh: 0, stale: 0, missing: 0 }
  for (const { state } of states) counts[state]++
  return counts
}

/** Issues are told when they are others than at the reading before: a poll that brings no news says nothing above debug. */
export function createReloadLogger(log: Log): (report: ReloadReport) => void {
  let lastIssues = ''
  return report => {
    const issues = JSON.stringify(report.diagnostics)
    const hasNewIssues = issues !== lastIssues
    lastIssues = issues
    for (const issue of hasNewIssues ? report.diagnostics : []) {
      log.event(issue.severity === 'error' ? 'error' : 'warn', { event: 'issue', ...issue })
    }
    const { outcome } = report
    log.event(outcome === 'refused' ? 'error' : outcome === 'changed' || hasNewIssues ? 'info' : 'debug', {
      event: 'reload',
      outcome,
      revision: report.revision ?? '',
      rules: report.rules,
      issues: report.diagnostics.length,
      took_ms: Math.round(report.durationMs),
    })
  }
}

/** What a reading of the rules says of an accident; what happened is in the log. */
export const INTERNAL_ERROR_ISSUE: Diagnostic = {
  severity: 'error',
  source: 'rules',
  line: 0,
  column: 0,
  path: '',
  message: 'an accident',
  hint: '',
}

/** What replicas hear of one another is counted; what changes or goes wrong is told, trouble once until it is over. */
export function createRevocationStreamReporter(
  log: Log,
  recordEvent: (happening: SessionMetricEvent) => void,
) {
  /** By two connections in turn, and by each command: every kind once until the line is up again. */
  const reported = new Set<string>()
  return {
    onLookup: (outcome: string): void => recordEvent({ kind: 'shared', outcome }),
    onStreamEvent(event: RevocationStreamEvent): void {
      recordEvent({ kind: 'bus', event })
      if (METRICS_ONLY.has(event)) return
      if (event === 'connected') reported.clear()
      log.event(event === 'connected' ? 'info' : 'warn', { event: 'bus', state: event, error: '' })
    },
    onRedisError(error: string): void {
      if (reported.has(error)) return
      reported.add(error)
      log.event('warn', { event: 'bus', state: 'trouble', error })
    },
  }
}

/** These are news; metrics have them. */
const METRICS_ONLY: ReadonlySet<RevocationStreamEvent> = new Set(['published', 'received', 'waiting'])

/** Kratos is left alone, tried, asked as usual; `cause` is why it was left alone. */
export function logCircuitBreaker(
  log: Log,
  { state, cause }: { state: CircuitBreakerState; cause: CircuitBreakerCause },
): void {
  log.event(state === 'closed' ? 'info' : 'warn', { event: 'breaker', state, cause })
}

/** A certificate's files have changed; where they cannot be used, the former stays in force. */
export function logTlsRenewal(log: Log, server: 'api' | 'grpc', renewal: CertificateRenewal): void {
  if (renewal.outcome === 'renewed') log.event('info', { event: 'tls', server, state: 'renewed' })
  else log.event('error', { event: 'tls', server, state: 'refused', why: renewal.why })
}
