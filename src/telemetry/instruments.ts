/** telemetry/instruments — every counter and histogram, by name, in one table. Labels come from closed sets and rule ids only, never from a request's path, host or user (G10). */
import type { Attributes, Meter } from '@opentelemetry/api'
import type { Decision } from '../access/decision.ts'
import type { Answered, Failed, Send } from '../clients/http.ts'

/** What is read when somebody looks, instead of counted as it happens. */
export interface Observed {
  readonly rules: () => number
  readonly issues: () => { readonly errors: number; readonly warnings: number }
  /** Rule repositories by state. */
  readonly sources: () => Readonly<Record<string, number>>
  readonly ready: () => boolean
  readonly sessions: () => number
}

export interface Instruments {
  /** One decision; `milliseconds` from the arrival of the Check. `method` as sent. */
  check(decision: Decision, milliseconds: number, method: string): void
  reload(outcome: string, milliseconds: number): void
  revocation(source: string, kind: string): void
  /** The same `Send`, counted. */
  counted(send: Send): Send
}

/** Seconds; from what a remembered session takes to Envoy's longest patience. */
const CHECK_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]
/** Oathkeeper's. */
const OATHKEEPER_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'CONNECT',
  'TRACE',
])

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
  credence_revocations_total: ['counter', 'source, kind', 'revocations, by who told and whose sessions'],
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

type Name = keyof typeof METRICS
const about = (name: Name) => ({ description: METRICS[name][2] })
/** The exporter adds the suffix that tells a counter. */
const bare = (name: Name) => name.replace(/_total$/, '')

/** `prefix`: of the two metrics that Oathkeeper has (`serve.prometheus.metric_name_prefix`, Q-96). */
export function createInstruments(
  meter: Meter,
  prefix: string,
  observed: Observed,
  now: () => number,
): Instruments {
  const checks = tally(meter, 'credence_checks_total')
  const lookups = tally(meter, 'credence_session_lookups_total')
  const duration = meter.createHistogram('credence_check_duration_seconds', {
    ...about('credence_check_duration_seconds'),
    advice: { explicitBucketBoundaries: CHECK_BUCKETS },
  })
  const oathkeeper = oathkeepers(meter, prefix)
  const outgoing = tally(meter, 'credence_outgoing_requests_total')
  const outgoingTime = meter.createHistogram('credence_outgoing_duration_seconds', {
    ...about('credence_outgoing_duration_seconds'),
    advice: { explicitBucketBoundaries: CHECK_BUCKETS },
  })
  const revocations = tally(meter, 'credence_revocations_total')
  const reloads = tally(meter, 'credence_reloads_total')
  const reloadTime = meter.createHistogram(
    'credence_reload_duration_seconds',
    about('credence_reload_duration_seconds'),
  )
  gauge(meter, 'credence_rules', observed.rules)
  gauge(meter, 'credence_sessions', observed.sessions)
  gauge(meter, 'credence_ready', () => (observed.ready() ? 1 : 0))
  meter.createObservableGauge('credence_issues', about('credence_issues')).addCallback(result => {
    const { errors, warnings } = observed.issues()
    result.observe(errors, { severity: 'error' })
    result.observe(warnings, { severity: 'warning' })
  })

  meter
    .createObservableGauge('credence_rule_repositories', about('credence_rule_repositories'))
    .addCallback(result => {
      for (const [state, count] of Object.entries(observed.sources())) result.observe(count, { state })
    })

  return {
    check(decision, milliseconds, method) {
      const { rule, code, notes } = decision.trail
      checks(`${decision.kind} ${code} ${rule}`, () => ({ rule, decision: decision.kind, code }))
      if (notes.cache !== undefined) lookups(notes.cache, () => ({ cache: notes.cache as string }))
      duration.record(milliseconds / 1000, decision.kind === 'allow' ? ALLOW : DENY)
      oathkeeper(method, decision.kind === 'allow' ? 200 : decision.status, milliseconds)
    },
    reload(outcome, milliseconds) {
      reloads(outcome, () => ({ outcome }))
      reloadTime.record(milliseconds / 1000)
    },
    revocation(source, kind) {
      revocations(`${source} ${kind}`, () => ({ source, kind }))
    },
    counted: send => async request => {
      const started = now()
      const answer = await send(request)
      const { target } = request
      const outcome = outcomeOf(answer)
      outgoing(`${target} ${outcome}`, () => ({ target, outcome }))
      outgoingTime.record((now() - started) / 1000, { target })
      return answer
    },
  }
}

const ALLOW: Attributes = { decision: 'allow' }
const DENY: Attributes = { decision: 'deny' }

const outcomeOf = (answer: Answered | Failed): string =>
  answer.kind === 'failed' ? answer.cause : `${Math.floor(answer.status / 100)}xx`

/** A counter that costs a Check one look into a map; the exporter reads it when it is asked. */
function tally(meter: Meter, name: Name) {
  const counts = new Map<string, { count: number; readonly labels: Attributes }>()
  meter.createObservableCounter(bare(name), about(name)).addCallback(result => {
    for (const { count, labels } of counts.values()) result.observe(count, labels)
  })
  return (key: string, labels: () => Attributes): void => {
    const known = counts.get(key)
    if (known === undefined) counts.set(key, { count: 1, labels: labels() })
    else known.count++
  }
}

function gauge(meter: Meter, name: Name, read: () => number): void {
  meter.createObservableGauge(name, about(name)).addCallback(result => result.observe(read()))
}

/** The two metrics of Oathkeeper, for the boards that people have; their `request` is always `/decisions`. */
function oathkeepers(meter: Meter, prefix: string) {
  const labelsOf = new Map<string, Attributes>()
  const counts = new Map<string, number>()
  meter
    .createObservableCounter(`${prefix}requests`, { description: 'Total number of requests' })
    .addCallback(result => {
      for (const [key, count] of counts) result.observe(count, labelsOf.get(key))
    })
  const duration = meter.createHistogram(`${prefix}requests_duration_seconds`, {
    description: 'Time spent serving requests.',
    advice: { explicitBucketBoundaries: OATHKEEPER_BUCKETS },
  })
  return (method: string, status: number, milliseconds: number): void => {
    const known = METHODS.has(method) ? method : 'OTHER'
    const key = `${known} ${status}`
    let labels = labelsOf.get(key)
    if (labels === undefined) {
      labels = {
        service: 'oathkeeper-api',
        method: known,
        request: '/decisions',
        status_code: String(status),
      }
      labelsOf.set(key, labels)
    }
    counts.set(key, (counts.get(key) ?? 0) + 1)
    duration.record(milliseconds / 1000, labels)
  }
}
