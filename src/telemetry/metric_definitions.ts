/** telemetry/instruments_table — the names of all metrics, with what each counts, and how a counter or gauge of the table is made. Knows no decision. */
import type { Attributes, Meter } from '@opentelemetry/api'

/** Name → kind, unit or labels, and what it counts. docs/operations.md has the same table, and a test compares. */
export const METRICS = {
  credence_checks_total: ['counter', 'rule, decision, code', 'decisions by rule, outcome and reason code'],
  credence_check_duration_seconds: [
    'histogram',
    'decision',
    'time from the arrival of a Check to its decision',
  ],
  credence_session_lookups_total: [
    'counter',
    'cache',
    'decisions that asked for a Kratos session, by how memory answered',
  ],
  credence_sessions: ['gauge', '', 'verified sessions in memory'],
  credence_session_staleness_seconds: [
    'gauge',
    '',
    'age of the oldest answer of Kratos that let somebody in during the last one to two minutes',
  ],
  credence_session_refreshes_total: [
    'counter',
    'outcome',
    'renewals of sessions in use, ahead of their time',
  ],
  credence_session_doubts_total: [
    'counter',
    'verdict',
    'refusals of sessions that were good lately, by what was found out',
  ],
  credence_session_limited_total: [
    'counter',
    'limit',
    'look-ups answered 503 without asking Kratos, by limit',
  ],
  credence_session_subjectless_total: [
    'counter',
    '',
    'requests that another session endpoint than Kratos let in by a 200 without a subject',
  ],
  credence_revocations_total: ['counter', 'source, kind', 'revocations, by who told and whose sessions'],
  credence_shared_sessions_total: ['counter', 'outcome', 'looks at what replicas share in Redis, and writes'],
  credence_bus_events_total: ['counter', 'event', 'what happened on the line between replicas'],
  credence_bus_connected: [
    'gauge',
    '',
    '1 while revocations of other replicas are heard; absent without Redis',
  ],
  credence_bus_lag_seconds: ['gauge', '', 'since the end of the stream of revocations was last seen'],
  credence_bus_waiting: ['gauge', '', 'revocations that Redis has not taken yet'],
  credence_kratos_breaker_turns_total: ['counter', 'state, cause', 'turns of the breaker before a Kratos'],
  credence_kratos_breaker_state: [
    'gauge',
    '',
    'the Kratos that is worst off: 0 asked as usual, 1 tried, 2 left alone',
  ],
  credence_kratos_in_flight: ['gauge', '', 'look-ups that Kratos is asked about at the moment'],
  credence_kratos_waiting: ['gauge', '', 'look-ups that wait for their turn to be asked'],
  credence_outgoing_requests_total: [
    'counter',
    'target, outcome',
    'calls to other services by status class or failure',
  ],
  credence_outgoing_duration_seconds: ['histogram', 'target', 'time of calls to other services'],
  credence_reloads_total: ['counter', 'outcome', 'readings of configuration and rules'],
  credence_reload_duration_seconds: ['histogram', '', 'time of a reading'],
  credence_rules: ['gauge', '', 'rules in force'],
  credence_issues: ['gauge', 'severity', 'issues of the latest reading'],
  credence_rule_repositories: [
    'gauge',
    'state',
    'rule repositories: fresh, stale (the rules read before are in force) or missing',
  ],
  credence_ready: ['gauge', '', '1 when Checks are decided, 0 when all of them are 503'],
} as const satisfies Record<string, readonly [kind: string, labels: string, about: string]>

type MetricName = keyof typeof METRICS
export const descriptionOf = (name: MetricName) => ({ description: METRICS[name][2] })
/** The exporter adds the suffix that tells a counter. */
const withoutSuffix = (name: MetricName) => name.replace(/_total$/, '')

/** A counter that costs a Check one look into a map; the exporter reads it when it is asked. */
export function lazyCounter(meter: Meter, name: MetricName) {
  const counts = new Map<string, { count: number; readonly labels: Attributes }>()
  meter.createObservableCounter(withoutSuffix(name), descriptionOf(name)).addCallback(result => {
    for (const { count, labels } of counts.values()) result.observe(count, labels)
  })
  return (key: string, labels: () => Attributes): void => {
    const known = counts.get(key)
    if (known === undefined) counts.set(key, { count: 1, labels: labels() })
    else known.count++
  }
}

/** `undefined` is not shown. */
export function observableGauge(meter: Meter, name: MetricName, read: () => number | undefined): void {
  meter.createObservableGauge(name, descriptionOf(name)).addCallback(result => {
    const value = read()
    if (value !== undefined) result.observe(value)
  })
}
