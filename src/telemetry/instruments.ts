/** telemetry/instruments — what is counted of decisions, calls, sessions and readings. Labels come from closed sets and rule ids only, never from a request's path, host or user (G10). */
import type { Meter } from '@opentelemetry/api'
import type { Decision } from '../access/decision.ts'
import type { Answered, Failed, Send } from '../clients/http/message.ts'
import type { Series } from './histograms.ts'
import { about, gauge, METRICS, tally } from './metric_definitions.ts'
import type { Metrics } from './metrics.ts'
import { createOathkeeperMetrics, type OathkeeperMetrics } from './oathkeeper_metrics.ts'

/** What is read when somebody looks, instead of counted as it happens. */
export interface Observed {
  readonly rules: () => number
  readonly issues: () => { readonly errors: number; readonly warnings: number }
  /** Rule repositories by state. */
  readonly sources: () => Readonly<Record<string, number>>
  readonly ready: () => boolean
  readonly sessions: () => SessionsNow
  /** The line between replicas; absent without Redis. `lag` in milliseconds. */
  readonly bus: () =>
    | { readonly connected: boolean; readonly lag: number; readonly waiting: number }
    | undefined
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
  | { readonly kind: 'subjectless' }
  | { readonly kind: 'shared'; readonly outcome: string }
  | { readonly kind: 'bus'; readonly event: string }

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

/** `prefix`: of the two metrics that Oathkeeper has (`serve.prometheus.metric_name_prefix`, Q-96). */
export function createInstruments(
  metrics: Pick<Metrics, 'meter' | 'histograms'>,
  oathkeepersOwn: OathkeeperMetrics,
  observed: Observed,
  now: () => number,
): Instruments {
  const { meter, histograms } = metrics
  const histogram = (name: keyof typeof METRICS, bounds: readonly number[]) =>
    histograms.create(name, METRICS[name][2], bounds)
  const checks = tally(meter, 'credence_checks_total')
  const lookups = tally(meter, 'credence_session_lookups_total')
  const duration = histogram('credence_check_duration_seconds', CHECK_BUCKETS)
  const durations = {
    allow: duration.series({ decision: 'allow' }),
    deny: duration.series({ decision: 'deny' }),
  }
  const oathkeeper = createOathkeeperMetrics(metrics, oathkeepersOwn)
  const outgoing = tally(meter, 'credence_outgoing_requests_total')
  const outgoingTime = histogram('credence_outgoing_duration_seconds', CHECK_BUCKETS)
  const outgoingTimes = new Map<string, Series>()
  const revocations = tally(meter, 'credence_revocations_total')
  const session = sessionTallies(meter)
  const reloads = tally(meter, 'credence_reloads_total')
  const reloadTime = histogram('credence_reload_duration_seconds', RELOAD_BUCKETS).series({})
  const ofBus = (read: (bus: NonNullable<ReturnType<Observed['bus']>>) => number): number | undefined => {
    const bus = observed.bus()
    return bus === undefined ? undefined : read(bus)
  }
  gauge(meter, 'credence_rules', observed.rules)
  gauge(meter, 'credence_sessions', () => observed.sessions().remembered)
  gauge(meter, 'credence_session_staleness_seconds', () => observed.sessions().worstStaleness / 1000)
  gauge(meter, 'credence_kratos_breaker_state', () => BREAKER[observed.sessions().breaker])
  gauge(meter, 'credence_kratos_in_flight', () => observed.sessions().asked)
  gauge(meter, 'credence_kratos_waiting', () => observed.sessions().waiting)
  gauge(meter, 'credence_bus_connected', () => ofBus(({ connected }) => Number(connected)))
  gauge(meter, 'credence_bus_lag_seconds', () => ofBus(({ lag }) => lag / 1000))
  gauge(meter, 'credence_bus_waiting', () => ofBus(({ waiting }) => waiting))
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
  const subjectless = tally(meter, 'credence_session_subjectless_total')
  const shared = tally(meter, 'credence_shared_sessions_total')
  const bus = tally(meter, 'credence_bus_events_total')
  const turns = tally(meter, 'credence_kratos_breaker_turns_total')
  return one => {
    switch (one.kind) {
      case 'doubt':
        return doubts(one.verdict, () => ({ verdict: one.verdict }))
      case 'limited':
        return limited(one.limit, () => ({ limit: one.limit }))
      case 'renewal':
        return refreshes(one.outcome, () => ({ outcome: one.outcome }))
      case 'subjectless':
        return subjectless('', () => ({}))
      case 'shared':
        return shared(one.outcome, () => ({ outcome: one.outcome }))
      case 'bus':
        return bus(one.event, () => ({ event: one.event }))
      case 'breaker':
        return turns(`${one.state} ${one.cause}`, () => ({ state: one.state, cause: one.cause }))
    }
  }
}

const outcomeOf = (answer: Answered | Failed): string =>
  answer.kind === 'failed' ? answer.cause : `${Math.floor(answer.status / 100)}xx`
