/** telemetry/instruments — every counter and histogram, by name, in one table. Labels come from closed sets and rule ids only, never from a request's path, host or user (G10). */
import type { Attributes, Meter } from '@opentelemetry/api'
import type { Decision } from '../access/decision.ts'
import type { Answered, Failed, Send } from '../clients/http.ts'
import type { Series } from './histograms.ts'
import type { Metrics } from './metrics.ts'
import { createOathkeeperMetrics } from './oathkeeper_metrics.ts'

/** What is read when somebody looks, instead of counted as it happens. */
export interface Observed {
  readonly rules: () => number
  readonly issues: () => { readonly errors: number; readonly warnings: number }
  /** Rule repositories by state. */
  readonly sources: () => Readonly<Record<string, number>>
  readonly ready: () => boolean
  readonly sessions: () => SessionsNow
}

/** The session memory as it is at the moment. */
export interface SessionsNow {
  readonly remembered: number
  readonly breaker: 'closed' | 'open' | 'half open'
  /** Questions to Kratos under way, and those that wait for their turn. */
  readonly asked: number
  readonly waiting: number
  /** Milliseconds. */
  readonly worstStaleness: number
}

/** What happens beside a decision; words of closed sets. */
export type SessionsHappening =
  | { readonly kind: 'doubt'; readonly verdict: string }
  | { readonly kind: 'limited'; readonly limit: string }
  | { readonly kind: 'renewal'; readonly outcome: string }
  | { readonly kind: 'breaker'; readonly state: string; readonly cause: string }

export interface Instruments {
  /** One decision; `milliseconds` from the arrival of the Check. `method` as sent. */
  check(decision: Decision, milliseconds: number, method: string): void
  reload(outcome: string, milliseconds: number): void
  revocation(source: string, kind: string): void
  session(happening: SessionsHappening): void
  /** The same `Send`, counted. */
  counted(send: Send): Send
}

/** Seconds; from what a remembered session takes to Envoy's longest patience. */
const CHECK_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]
/** Seconds. */
const RELOAD_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
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
  credence_revocations_total: ['counter', 'source, kind', 'revocations, by who told and whose sessions'],
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

type Name = keyof typeof METRICS
const about = (name: Name) => ({ description: METRICS[name][2] })
/** The exporter adds the suffix that tells a counter. */
const bare = (name: Name) => name.replace(/_total$/, '')

/** `prefix`: of the two metrics that Oathkeeper has (`serve.prometheus.metric_name_prefix`, Q-96). */
export function createInstruments(
  metrics: Pick<Metrics, 'meter' | 'histograms'>,
  prefix: string,
  observed: Observed,
  now: () => number,
): Instruments {
  const { meter, histograms } = metrics
  const histogram = (name: Name, bounds: readonly number[]) =>
    histograms.create(name, METRICS[name][2], bounds)
  const checks = tally(meter, 'credence_checks_total')
  const lookups = tally(meter, 'credence_session_lookups_total')
  const duration = histogram('credence_check_duration_seconds', CHECK_BUCKETS)
  const durations = {
    allow: duration.series({ decision: 'allow' }),
    deny: duration.series({ decision: 'deny' }),
  }
  const oathkeeper = createOathkeeperMetrics(metrics, prefix)
  const outgoing = tally(meter, 'credence_outgoing_requests_total')
  const outgoingTime = histogram('credence_outgoing_duration_seconds', CHECK_BUCKETS)
  const outgoingTimes = new Map<string, Series>()
  const revocations = tally(meter, 'credence_revocations_total')
  const session = sessionTallies(meter)
  const reloads = tally(meter, 'credence_reloads_total')
  const reloadTime = histogram('credence_reload_duration_seconds', RELOAD_BUCKETS).series({})
  gauge(meter, 'credence_rules', observed.rules)
  gauge(meter, 'credence_sessions', () => observed.sessions().remembered)
  gauge(meter, 'credence_session_staleness_seconds', () => observed.sessions().worstStaleness / 1000)
  gauge(meter, 'credence_kratos_breaker_state', () => BREAKER[observed.sessions().breaker])
  gauge(meter, 'credence_kratos_in_flight', () => observed.sessions().asked)
  gauge(meter, 'credence_kratos_waiting', () => observed.sessions().waiting)
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
      durations[decision.kind].record(milliseconds / 1000)
      oathkeeper(method, decision.kind === 'allow' ? 200 : decision.status, milliseconds)
    },
    reload(outcome, milliseconds) {
      reloads(outcome, () => ({ outcome }))
      reloadTime.record(milliseconds / 1000)
    },
    revocation(source, kind) {
      revocations(`${source} ${kind}`, () => ({ source, kind }))
    },
    session,
    counted: send => async request => {
      const started = now()
      const answer = await send(request)
      const { target } = request
      const outcome = outcomeOf(answer)
      outgoing(`${target} ${outcome}`, () => ({ target, outcome }))
      const times = outgoingTimes.get(target) ?? outgoingTime.series({ target })
      outgoingTimes.set(target, times)
      times.record((now() - started) / 1000)
      return answer
    },
  }
}

const BREAKER = { closed: 0, 'half open': 1, open: 2 } as const

function sessionTallies(meter: Meter): Instruments['session'] {
  const doubts = tally(meter, 'credence_session_doubts_total')
  const limited = tally(meter, 'credence_session_limited_total')
  const refreshes = tally(meter, 'credence_session_refreshes_total')
  const turns = tally(meter, 'credence_kratos_breaker_turns_total')
  return one => {
    switch (one.kind) {
      case 'doubt':
        return doubts(one.verdict, () => ({ verdict: one.verdict }))
      case 'limited':
        return limited(one.limit, () => ({ limit: one.limit }))
      case 'renewal':
        return refreshes(one.outcome, () => ({ outcome: one.outcome }))
      case 'breaker':
        return turns(`${one.state} ${one.cause}`, () => ({ state: one.state, cause: one.cause }))
    }
  }
}

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
