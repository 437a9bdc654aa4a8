/** Names, labels and descriptions of all metrics, and the counters and gauges made from them. */
import type { Attributes, Meter } from '@opentelemetry/api'

/** Kind, labels and description by name. A test compares the table in docs/operations.md with this one. */
export const METRICS = {
  credence_checks_total: ['counter', 'rule, decision, code', 'Decisions by rule, outcome and reason code'],
  credence_check_duration_seconds: [
    'histogram',
    'decision',
    'Time from the arrival of a Check to its decision',
  ],
  credence_session_lookups_total: [
    'counter',
    'cache',
    'Decisions that needed a Kratos session, by result of the session cache',
  ],
  credence_sessions: ['gauge', '', 'Cached sessions'],
  credence_session_cache_bytes: ['gauge', '', 'Estimated size of the cached sessions'],
  credence_session_evictions_total: ['counter', '', 'Cached sessions evicted for newer ones'],
  credence_session_staleness_seconds: [
    'gauge',
    '',
    'Maximum age of a cached session that allowed a request in the last one to two minutes',
  ],
  credence_session_refreshes_total: ['counter', 'outcome', 'Background refreshes of cached sessions'],
  credence_unexpected_rejections_total: [
    'counter',
    'verdict',
    'Rejections by Kratos of recently verified sessions, by verdict of the probe',
  ],
  credence_kratos_shed_total: ['counter', 'reason', 'Lookups denied with 503 without calling Kratos'],
  credence_responses_without_subject_total: [
    'counter',
    '',
    'Requests allowed by a session endpoint other than Kratos with a 200 without a subject',
  ],
  credence_revocations_total: ['counter', 'source, kind', 'Revocations received, by source and kind'],
  credence_revocations_rejected_total: [
    'counter',
    'reason',
    'Calls of the revocation endpoint without a valid key or signature',
  ],
  credence_shared_cache_lookups_total: ['counter', 'result', 'Reads and writes of the shared cache in Redis'],
  credence_revocation_stream_events_total: ['counter', 'event', 'Events of the revocation stream'],
  credence_revocation_stream_connected: [
    'gauge',
    '',
    '1 while connected to the revocation stream, else 0. Absent without Redis',
  ],
  credence_revocation_stream_lag_seconds: [
    'gauge',
    '',
    'Time since the end of the revocation stream was last read',
  ],
  credence_revocation_stream_pending: ['gauge', '', 'Revocations that Redis has not accepted yet'],
  credence_circuit_breaker_transitions_total: [
    'counter',
    'state, cause',
    'Transitions of the circuit breakers for Kratos',
  ],
  credence_circuit_breaker_state: [
    'gauge',
    '',
    'Worst state of the circuit breakers for Kratos: 0 closed, 1 half open, 2 open',
  ],
  credence_kratos_requests_in_flight: ['gauge', '', 'Calls to Kratos in flight'],
  credence_kratos_requests_pending: ['gauge', '', 'Calls to Kratos that wait for a free slot'],
  credence_outgoing_requests_total: [
    'counter',
    'target, outcome',
    'Calls to other services by status class or failure',
  ],
  credence_outgoing_shed_total: [
    'counter',
    'target, reason',
    'Calls to services other than Kratos that were not made, and answered with 503',
  ],
  credence_outgoing_duration_seconds: ['histogram', 'target', 'Duration of calls to other services'],
  credence_reloads_total: ['counter', 'outcome', 'Loads of configuration and rules'],
  credence_reload_duration_seconds: ['histogram', '', 'Duration of a load of configuration and rules'],
  credence_config_last_reload_successful: [
    'gauge',
    '',
    '1 if the latest load used all of configuration and rules, 0 if it was rejected or partial',
  ],
  credence_config_last_reload_success_timestamp_seconds: [
    'gauge',
    '',
    'Time of the latest load that used all of configuration and rules, in seconds since the epoch',
  ],
  credence_rules: ['gauge', '', 'Rules in force'],
  credence_config_problems: [
    'gauge',
    'severity',
    'Problems in configuration and rules found by the latest load',
  ],
  credence_rule_repositories: [
    'gauge',
    'state',
    'Rule repositories: fresh, stale (the previous rules are in force) or missing',
  ],
  credence_ready: ['gauge', '', '1 while the health checks report ready, else 0'],
  credence_checks_in_progress: ['gauge', '', 'Checks and calls of /decisions that wait for another service'],
  nodejs_eventloop_delay_p50_seconds: ['gauge', '', 'Median delay of the event loop since the last scrape'],
  nodejs_eventloop_delay_p99_seconds: [
    'gauge',
    '',
    '99th percentile of the delay of the event loop since the last scrape',
  ],
  nodejs_eventloop_delay_max_seconds: ['gauge', '', 'Maximum delay of the event loop since the last scrape'],
} as const satisfies Record<string, readonly [kind: string, labels: string, description: string]>

type MetricName = keyof typeof METRICS
export const descriptionOf = (name: MetricName) => ({ description: METRICS[name][2] })
/** The exporter appends `_total` to counters itself. */
const withoutSuffix = (name: MetricName) => name.replace(/_total$/, '')

/**
 * A counter that costs a Check one map lookup; the exporter reads it on collection. The returned function takes a key that
 * identifies the label values, and a function for the labels that is called once for each key.
 */
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

/** A gauge that is read on collection. It is absent while `read` returns `undefined`. */
export function observableGauge(meter: Meter, name: MetricName, read: () => number | undefined): void {
  meter.createObservableGauge(name, descriptionOf(name)).addCallback(result => {
    const value = read()
    if (value !== undefined) result.observe(value)
  })
}
