/** Log records between decisions: reloads, replication, circuit breakers, certificates. */
import type { RevocationRejection } from '../api/revocations.ts'
import type { Diagnostic } from '../documents/diagnostic.ts'
import type { Clock } from '../lib/time.ts'
import { createTokenBucket } from '../lib/token_bucket.ts'
import type { CircuitBreakerCause, CircuitBreakerState } from '../resilience/circuit_breaker.ts'
import type { SourceState } from '../rules/repositories/sources.ts'
import type { ReloadReport } from '../rules/rulebook.ts'
import type { RevocationStreamEvent } from '../sessions/replication/revocation_message.ts'
import type { SharedCacheResult } from '../sessions/replication/shared_cache.ts'
import type { Log } from '../telemetry/log.ts'
import type { LogLevel } from '../telemetry/records.ts'
import type { SessionMetricEvent } from '../telemetry/session_counters.ts'
import type { CertificateRenewal } from './tls.ts'

export function countBySeverity(diagnostics: readonly Diagnostic[]) {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  return { errors, warnings: diagnostics.filter(({ severity }) => severity === 'warning').length }
}

/** Number of repositories in each state. */
export function countStates(states: readonly SourceState[]): Readonly<Record<SourceState['state'], number>> {
  const counts = { fresh: 0, stale: 0, missing: 0 }
  for (const { state } of states) counts[state]++
  return counts
}

/** Logs a warning about `source`, a setting or URL, found while the service runs. */
export function logWarning(log: Log, source: string, message: string): void {
  const position = { line: 0, column: 0, path: '' }
  log.event('warn', {
    event: 'config_problem',
    severity: 'warning',
    source,
    ...position,
    message,
    hint: '',
  })
}

/** Most changed rules and changed settings that a record of a reload names. */
const MAX_LISTED_CHANGES = 20

/** What a reload changed, for the log and `/status`. The ids are bounded, the numbers are not. */
export function summarizeReload({ trigger, outcome, ...report }: ReloadReport) {
  const { added, removed, changed } = report.changes
  // At start every rule is new, so that a list says nothing.
  const isStart = report.previousRevision === undefined
  const changes = [
    ...added.slice(0, MAX_LISTED_CHANGES).map(id => `+${id}`),
    ...removed.slice(0, MAX_LISTED_CHANGES).map(id => `-${id}`),
    ...changed.slice(0, MAX_LISTED_CHANGES).map(id => `~${id}`),
  ].slice(0, MAX_LISTED_CHANGES)
  return {
    trigger,
    outcome,
    revision: report.revision ?? '',
    previous_revision: report.previousRevision ?? '',
    rules: report.rules,
    added: added.length,
    removed: removed.length,
    changed: changed.length,
    changes: isStart ? [] : changes,
    settings: report.changedSettings.slice(0, MAX_LISTED_CHANGES),
    duration_ms: Math.round(report.durationMs),
  }
}

/**
 * Logs each reload, and each of its problems when it is new, so that polling repeats nothing. A reload that changed nothing has
 * the level debug.
 */
export function createReloadLogger(log: Log): (report: ReloadReport) => void {
  let known: ReadonlySet<string> = new Set()
  return report => {
    const problems = new Map(report.diagnostics.map(problem => [JSON.stringify(problem), problem]))
    const previous = known
    known = new Set(problems.keys())
    const fresh = [...problems].flatMap(([key, problem]) => (previous.has(key) ? [] : [problem]))
    const resolved = [...previous].filter(key => !known.has(key)).length
    for (const problem of fresh) {
      log.event(problem.severity === 'error' ? 'error' : 'warn', { event: 'config_problem', ...problem })
    }
    const isNew =
      report.revision !== report.previousRevision ||
      fresh.length > 0 ||
      resolved > 0 ||
      report.trigger === 'signal'
    log.event(reloadLevel(report.outcome, isNew), {
      event: 'reload',
      ...summarizeReload(report),
      problems: report.diagnostics.length,
      problems_resolved: resolved,
    })
  }
}

/** An operator who sends a signal gets a line in any case; a poll that meets a known outage does not get one each time. */
function reloadLevel(outcome: ReloadReport['outcome'], isNew: boolean): LogLevel {
  if (outcome === 'rejected') return 'error'
  if (!isNew) return 'debug'
  return outcome === 'partial' ? 'warn' : 'info'
}

/** Shown by `/status` if a reload fails with an exception. Details are in the log only. */
export const INTERNAL_ERROR_DIAGNOSTIC: Diagnostic = {
  severity: 'error',
  source: 'rules',
  line: 0,
  column: 0,
  path: '',
  message: 'unexpected error',
  hint: 'see the log event internal_error',
}

/** Counts and logs what happens in replication. Each error of the Redis client is logged once until the next connection. */
export function createReplicationReporter(log: Log, recordEvent: (event: SessionMetricEvent) => void) {
  /** Two connections and every command report the same errors. */
  const reported = new Set<string>()
  return {
    onLookup: (result: SharedCacheResult): void => recordEvent({ kind: 'shared_cache', result }),
    onStreamEvent(event: RevocationStreamEvent): void {
      recordEvent({ kind: 'revocation_stream', event })
      if (METRICS_ONLY.has(event)) return
      if (event === 'connected') reported.clear()
      log.event(event === 'connected' ? 'info' : 'warn', {
        event: 'revocation_stream',
        state: event,
        error: '',
      })
    },
    onRedisError(error: string): void {
      if (reported.has(error)) return
      reported.add(error)
      log.event('warn', { event: 'revocation_stream', state: 'error', error })
    },
  }
}

/** Too frequent for the log. */
const METRICS_ONLY: ReadonlySet<RevocationStreamEvent> = new Set(['published', 'received', 'queued'])

/** Counts each rejected call of the revocation route, and logs ten at once and one a second, so that guessing cannot fill the log. */
export function createRevocationRejectionReporter(
  log: Log,
  recordEvent: (event: SessionMetricEvent) => void,
  clock: Pick<Clock, 'now'>,
): (reason: RevocationRejection, address: string) => void {
  const lines = createTokenBucket({ clock, capacity: 10, refillPerSecond: 1 })
  return (reason, address) => {
    recordEvent({ kind: 'revocation_rejected', reason })
    if (lines.available < 1) return
    lines.consume()
    log.event('warn', { event: 'revocation_rejected', reason, address })
  }
}

/** `cause`: why the circuit opened. */
export function logCircuitBreaker(
  log: Log,
  { state, cause }: { state: CircuitBreakerState; cause: CircuitBreakerCause },
): void {
  log.event(state === 'closed' ? 'info' : 'warn', { event: 'circuit_breaker', state, cause })
}

/** If the new certificate cannot be used, the previous one stays in force. */
export function logTlsRenewal(log: Log, server: 'api' | 'grpc', renewal: CertificateRenewal): void {
  if (renewal.outcome === 'renewed') log.event('info', { event: 'tls', server, state: 'renewed' })
  else log.event('error', { event: 'tls', server, state: 'rejected', reason: renewal.reason })
}
