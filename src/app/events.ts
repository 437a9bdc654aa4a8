/** app_log — what the service says of itself between decisions: readings of the rules. Knows the log's records. */

import type { Issue } from '../documents/issue.ts'
import type { SourceState } from '../rules/repositories/sources.ts'
import type { ReloadReport } from '../rules/rulebook.ts'
import type { BreakerCause, BreakerState } from '../sessions/kratos/circuit_breaker.ts'
import type { BusEvent } from '../sessions/replication/revocation_message.ts'
import type { SessionsHappening } from '../telemetry/instruments.ts'
import type { Log } from '../telemetry/log.ts'
import type { Renewal } from './tls.ts'

export function countIssues(issues: readonly Issue[]) {
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
export function createReloadLog(log: Log): (report: ReloadReport) => void {
  let known = ''
  return report => {
    const issues = JSON.stringify(report.issues)
    const news = issues !== known
    known = issues
    for (const issue of news ? report.issues : []) {
      log.event(issue.severity === 'error' ? 'error' : 'warn', { event: 'issue', ...issue })
    }
    const { outcome } = report
    log.event(outcome === 'refused' ? 'error' : outcome === 'changed' || news ? 'info' : 'debug', {
      event: 'reload',
      outcome,
      revision: report.revision ?? '',
      rules: report.rules,
      issues: report.issues.length,
      took_ms: Math.round(report.took),
    })
  }
}

/** What a reading of the rules says of an accident; what happened is in the log. */
export const ACCIDENT: Issue = {
  severity: 'error',
  source: 'rules',
  line: 0,
  column: 0,
  path: '',
  message: 'an accident',
  hint: '',
}

/** What replicas hear of one another is counted; what changes or goes wrong is told, trouble once until it is over. */
export function reportBus(log: Log, count: (happening: SessionsHappening) => void) {
  /** By two connections in turn, and by each command: every kind once until the line is up again. */
  const told = new Set<string>()
  return {
    looked: (outcome: string): void => count({ kind: 'shared', outcome }),
    happened(event: BusEvent): void {
      count({ kind: 'bus', event })
      if (QUIET.has(event)) return
      if (event === 'connected') told.clear()
      log.event(event === 'connected' ? 'info' : 'warn', { event: 'bus', state: event, error: '' })
    },
    trouble(error: string): void {
      if (told.has(error)) return
      told.add(error)
      log.event('warn', { event: 'bus', state: 'trouble', error })
    },
  }
}

/** These are news; metrics have them. */
const QUIET: ReadonlySet<BusEvent> = new Set(['published', 'received', 'waiting'])

/** Kratos is left alone, tried, asked as usual; `cause` is why it was left alone. */
export function logBreaker(log: Log, { state, cause }: { state: BreakerState; cause: BreakerCause }): void {
  log.event(state === 'closed' ? 'info' : 'warn', { event: 'breaker', state, cause })
}

/** A certificate's files have changed; where they cannot be used, the former stays in force. */
export function logTls(log: Log, server: 'api' | 'grpc', renewal: Renewal): void {
  if (renewal.outcome === 'renewed') log.event('info', { event: 'tls', server, state: 'renewed' })
  else log.event('error', { event: 'tls', server, state: 'refused', why: renewal.why })
}
