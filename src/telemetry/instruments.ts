/** telemetry/instruments — what is counted of decisions, calls, sessions and readings. Labels come from closed sets and rule ids only, never from a request's path, host or user (G10). */
import type { Meter } from '@opentelemetry/api'
import type { Decision } from '../access/decision.ts'
import type { HttpFailure, HttpResponse, Send } from '../clients/http/message.ts'
import type { Series } from './histograms.ts'
import { descriptionOf, lazyCounter, METRICS, observableGauge } from './metric_definitions.ts'
import type { Metrics } from './metrics.ts'
import { createOathkeeperMetrics, type OathkeeperMetricsOptions } from './oathkeeper_metrics.ts'

/** What is read when somebody looks, instead of counted as it happens. */
export interface ObservedState {
  readonly rules: () => number
  readonly issues: () => { readonly errors: number; readonly warnings: number }
  /** Rule repositories by state. */
  readonly sources: () => Readonly<Record<string, number>>
  readonly ready: () => boolean
  readonly sessions: () => SessionCacheState
  /** The line between replicas; absent without Redis. `lag` in milliseconds. */
  readonly revocationStream: () =>
    | { readonly connected: boolean; readonly lag: number; readonly waiting: number }
    | undefined
}

/** The session memory as it is at the moment. */
export interface SessionCacheState {
  readonly cached: number
  readonly breaker: 'closed' | 'open' | 'half open'
  /** Questions to Kratos under way, and those that wait for their turn. */
  readonly inFlight: number
  readonly pending: number
  /** Milliseconds. */
  readonly worstStaleness: number
}

/** What happens beside a decision; words of closed sets. */
export type SessionMetricEvent =
  | { readonly kind: 'doubt'; readonly verdict: string }
  | { readonly kind: 'limited'; readonly limit: string }
  | { readonly kind: 'renewal'; readonly outcome: string }
  | { readonly kind: 'breaker'; readonly state: string; readonly cause: string }
  | { readonly kind: 'subjectless' }
  | { readonly kind: 'shared'; readonly outcome: string }
  | { readonly kind: 'bus'; readonly event: string }

export interface Instruments {
  /** One decision; `milliseconds` from the arrival of the Check. `method` as sent. */
  recordCheck(decision: Decision, milliseconds: number, method: string): void
  recordReload(outcome: string, milliseconds: number): void
  recordRevocation(source: string, kind: string): void
  recordSessionEvent(happening: SessionMetricEvent): void
  /** The same `Send`, counted. */
  instrumentSend(send: Send): Send
}

/** Seconds; from what a remembered session takes to Envoy's longest patience. */
const CHECK_BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]
/** Seconds. */
const RELOAD_BUCKETS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** `prefix`: of the two metrics that Oathkeeper has (`serve.prometheus.metric_name_prefix`, Q-96). */
export function createInstruments(
  metrics: Pick<Metrics, 'meter' | 'histograms'>,
  oathkeeperOptions: OathkeeperMetricsOptions,
  observedState: ObservedState,
  now: () => number,
): Instruments {
  const { meter, histograms } = metrics
  const histogram = (name: keyof typeof METRICS, bounds: readonly number[]) =>
    histograms.create(name, METRICS[name][2], bounds)
  const checkCounter = lazyCounter(meter, 'credence_checks_total')
  const lookupCounter = lazyCounter(meter, 'credence_session_lookups_total')
  const checkDuration = histogram('credence_check_duration_seconds', CHECK_BUCKETS_SECONDS)
  const durationByDecision = {
    allow: checkDuration.series({ decision: 'allow' }),
    deny: checkDuration.series({ decision: 'deny' }),
  }
  const recordOathkeeperMetrics = createOathkeeperMetrics(metrics, oathkeeperOptions)
  const outgoingCounter = lazyCounter(meter, 'credence_outgoing_requests_total')
  const outgoingDuration = histogram('credence_outgoing_duration_seconds', CHECK_BUCKETS_SECONDS)
  const outgoingDurationByTarget = new Map<string, Series>()
  const revocationCounter = lazyCounter(meter, 'credence_revocations_total')
  const sessionCounters = createSessionCounters(meter)
  const reloadCounter = lazyCounter(meter, 'credence_reloads_total')
  const reloadDuration = histogram('credence_reload_duration_seconds', RELOAD_BUCKETS_SECONDS).series({})
  const fromStream = (
    read: (bus: NonNullable<ReturnType<ObservedState['revocationStream']>>) => number,
  ): number | undefined => {
    const bus = observedState.revocationStream()
    return bus === undefined ? undefined : read(bus)
  }
  observableGauge(meter, 'credence_rules', observedState.rules)
  observableGauge(meter, 'credence_sessions', () => observedState.sessions().cached)
  observableGauge(
    meter,
    'credence_session_staleness_seconds',
    () => observedState.sessions().worstStaleness / 1000,
  )
  observableGauge(
    meter,
    'credence_kratos_breaker_state',
    () => CIRCUIT_BREAKER_VALUES[observedState.sessions().breaker],
  )
  observableGauge(meter, 'credence_kratos_in_flight', () => observedState.sessions().inFlight)
  observableGauge(meter, 'credence_kratos_waiting', () => observedState.sessions().pending)
  observableGauge(meter, 'credence_bus_connected', () => fromStream(({ connected }) => Number(connected)))
  observableGauge(meter, 'credence_bus_lag_seconds', () => fromStream(({ lag }) => lag / 1000))
  observableGauge(meter, 'credence_bus_waiting', () => fromStream(({ waiting }) => waiting))
  observableGauge(meter, 'credence_ready', () => (observedState.ready() ? 1 : 0))
  meter.createObservableGauge('credence_issues', descriptionOf('credence_issues')).addCallback(result => {
    const { errors, warnings } = observedState.issues()
    result.observe(errors, { severity: 'error' })
    result.observe(warnings, { severity: 'warning' })
  })

  meter
    .createObservableGauge('credence_rule_repositories', descriptionOf('credence_rule_repositories'))
    .addCallback(result => {
      for (const [state, count] of Object.entries(observedState.sources())) result.observe(count, { state })
    })

  return {
    recordCheck(decision, milliseconds, method) {
      const { rule, code, annotations } = decision.metadata
      checkCounter(`${decision.kind} ${code} ${rule}`, () => ({ rule, decision: decision.kind, code }))
      if (annotations.cache !== undefined)
        lookupCounter(annotations.cache, () => ({ cache: annotations.cache as string }))
      durationByDecision[decision.kind].record(milliseconds / 1000)
      recordOathkeeperMetrics(method, decision.kind === 'allow' ? 200 : decision.status, milliseconds)
    },
    recordReload(outcome, milliseconds) {
      reloadCounter(outcome, () => ({ outcome }))
      reloadDuration.record(milliseconds / 1000)
    },
    recordRevocation(source, kind) {
      revocationCounter(`${source} ${kind}`, () => ({ source, kind }))
    },
    recordSessionEvent: sessionCounters,
    instrumentSend: send => async request => {
      const started = now()
      const answer = await send(request)
      const { target } = request
      const outcome = callOutcome(answer)
      outgoingCounter(`${target} ${outcome}`, () => ({ target, outcome }))
      const times = outgoingDurationByTarget.get(target) ?? outgoingDuration.series({ target })
      outgoingDurationByTarget.set(target, times)
      times.record((now() - started) / 1000)
      return answer
    },
  }
}

const CIRCUIT_BREAKER_VALUES = { closed: 0, 'half open': 1, open: 2 } as const

function createSessionCounters(meter: Meter): Instruments['recordSessionEvent'] {
  const unexpectedRejections = lazyCounter(meter, 'credence_session_doubts_total')
  const limited = lazyCounter(meter, 'credence_session_limited_total')
  const refreshes = lazyCounter(meter, 'credence_session_refreshes_total')
  const subjectless = lazyCounter(meter, 'credence_session_subjectless_total')
  const shared = lazyCounter(meter, 'credence_shared_sessions_total')
  const streamEvents = lazyCounter(meter, 'credence_bus_events_total')
  const breakerTransitions = lazyCounter(meter, 'credence_kratos_breaker_turns_total')
  return event => {
    switch (event.kind) {
      case 'doubt':
        return unexpectedRejections(event.verdict, () => ({ verdict: event.verdict }))
      case 'limited':
        return limited(event.limit, () => ({ limit: event.limit }))
      case 'renewal':
        return refreshes(event.outcome, () => ({ outcome: event.outcome }))
      case 'subjectless':
        return subjectless('', () => ({}))
      case 'shared':
        return shared(event.outcome, () => ({ outcome: event.outcome }))
      case 'bus':
        return streamEvents(event.event, () => ({ event: event.event }))
      case 'breaker':
        return breakerTransitions(`${event.state} ${event.cause}`, () => ({
          state: event.state,
          cause: event.cause,
        }))
    }
  }
}

const callOutcome = (answer: HttpResponse | HttpFailure): string =>
  answer.kind === 'failed' ? answer.cause : `${Math.floor(answer.status / 100)}xx`
