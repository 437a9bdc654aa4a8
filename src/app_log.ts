/** app_log — what the service says of itself between decisions: readings of the rules, accidents. Knows the log's records. */
import type { Issue } from './lib/issue.ts'
import type { ReloadReport } from './rules/rulebook.ts'
import type { Log } from './telemetry/log.ts'

export function countIssues(issues: readonly Issue[]) {
  const errors = issues.filter(issue => issue.severity === 'error').length
  return { errors, warnings: issues.length - errors }
}

export function logReload(log: Log, report: ReloadReport): void {
  for (const issue of report.issues) {
    log.event(issue.severity === 'error' ? 'error' : 'warn', { event: 'issue', ...issue })
  }
  log.event(report.outcome === 'refused' ? 'error' : 'info', {
    event: 'reload',
    outcome: report.outcome,
    revision: report.revision ?? '',
    rules: report.rules,
    issues: report.issues.length,
    took_ms: Math.round(report.took),
  })
}

export function logAccident(log: Log, where: string, error: unknown): void {
  const fault = error instanceof Error ? error : new Error('not an error')
  log.event('error', {
    event: 'accident',
    where,
    error: fault.name,
    stack: (fault.stack ?? '').split('\n').slice(1, 6).join('; '),
  })
}
