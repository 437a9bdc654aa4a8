/** Records metrics of decisions, outgoing calls, sessions and reloads. Labels come from closed sets and rule ids only. */
import type { Meter } from '@opentelemetry/api'
import type { Decision } from '../access/decision.ts'
import type { HttpFailure, HttpResponse, Send } from '../clients/http/message.ts'
import { type EventLoopDelay, observeEventLoopDelay } from './event_loop_delay.ts'
import type { Series } from './histograms.ts'
import { descriptionOf, lazyCounter, METRICS, observableGauge } from './metric_definitions.ts'
import type { Metrics } from './metrics.ts'
import { createOathkeeperMetrics, type OathkeeperMetricsOptions } from './oathkeeper_metrics.ts'
import { createSessionCounters, type SessionMetricEvent } from './session_counters.ts'

/** State that the gauges read on collection. */
export interface ObservedState {
  readonly rules: () => number
  readonly configProblems: () => { readonly errors: number; readonly warnings: number }
  /** Number of rule repositories by state. */
  readonly sources: () => Readonly<Record<string, number>>
  readonly ready: () => boolean
  /** The latest load; `undefined` before the first has ended. */
  readonly lastReload: () => LastReload | undefined
  readonly checksInProgress: () => number
  readonly eventLoopDelay: EventLoopDelay
  readonly sessions: () => SessionCacheState
  /** `undefined` without Redis. `lag` in ms. */
  readonly revocationStream: () =>
    | { readonly connected: boolean; readonly lag: number; readonly pending: number }
    | undefined
}

export interface LastReload {
  /** Whether it used all of configuration and rules. */
  readonly successful: boolean
  /** When the latest successful one ended, ms since the epoch; `undefined` without one. */
  readonly succeededAtMs: number | undefined
}

export interface SessionCacheState {
  /** Number of cached sessions. */
  readonly cached: number
  /** Their estimated size. */
  readonly cachedBytes: number
  readonly circuitBreaker: 'closed' | 'open' | 'half_open'
  /** Calls to Kratos in flight and queued. */
  readonly inFlight: number
  readonly pending: number
  /** ms. */
  readonly maxStaleness: number
}

export interface Instruments {
  /** Records one decision. `milliseconds` since the arrival of the Check; `method` as sent by the client. */
  recordCheck(decision: Decision, milliseconds: number, method: string): void
  recordReload(outcome: string, milliseconds: number): void
  recordRevocation(source: string, kind: string): void
  recordSessionEvent(event: SessionMetricEvent): void
  /** Wraps `send` to record each call. */
  instrumentSend(send: Send): Send
}

/** From the duration of a cache hit up to a long timeout in Envoy. */
const CHECK_BUCKETS_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]
const RELOAD_BUCKETS_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** `oathkeeperOptions`: for the two metrics that Oathkeeper has, too. `now`: monotonic ms. */
export function createInstruments(
  metrics: Pick<Metrics, 'meter' | 'histograms'>,
  oathkeeperOptions: OathkeeperMetricsOptions,
  state: ObservedState,
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
  const reloadCounter = lazyCounter(meter, 'credence_reloads_total')
  const reloadDuration = histogram('credence_reload_duration_seconds', RELOAD_BUCKETS_SECONDS).series({})
  observeState(meter, state)

  return {
    recordCheck(decision, milliseconds, method) {
      const { rule, code, annotations } = decision.metadata
      checkCounter(`${decision.kind} ${code} ${rule}`, () => ({ rule, decision: decision.kind, code }))
      const { cache } = annotations
      if (cache !== undefined) lookupCounter(cache, () => ({ cache }))
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
    recordSessionEvent: createSessionCounters(meter),
    instrumentSend: send => async request => {
      const started = now()
      const response = await send(request)
      const { target } = request
      const outcome = callOutcome(response)
      outgoingCounter(`${target} ${outcome}`, () => ({ target, outcome }))
      const series = outgoingDurationByTarget.get(target) ?? outgoingDuration.series({ target })
      outgoingDurationByTarget.set(target, series)
      series.record((now() - started) / 1000)
      return response
    },
  }
}

const CIRCUIT_BREAKER_VALUES = { closed: 0, half_open: 1, open: 2 } as const

function observeState(meter: Meter, state: ObservedState): void {
  const { rules, sessions, revocationStream, ready } = state
  observableGauge(meter, 'credence_rules', rules)
  observableGauge(meter, 'credence_sessions', () => sessions().cached)
  observableGauge(meter, 'credence_session_cache_bytes', () => sessions().cachedBytes)
  observableGauge(meter, 'credence_session_staleness_seconds', () => sessions().maxStaleness / 1000)
  observableGauge(
    meter,
    'credence_circuit_breaker_state',
    () => CIRCUIT_BREAKER_VALUES[sessions().circuitBreaker],
  )
  observableGauge(meter, 'credence_kratos_requests_in_flight', () => sessions().inFlight)
  observableGauge(meter, 'credence_kratos_requests_pending', () => sessions().pending)
  observableGauge(meter, 'credence_revocation_stream_connected', () => {
    const stream = revocationStream()
    return stream && Number(stream.connected)
  })
  observableGauge(meter, 'credence_revocation_stream_lag_seconds', () => {
    const stream = revocationStream()
    return stream && stream.lag / 1000
  })
  observableGauge(meter, 'credence_revocation_stream_pending', () => revocationStream()?.pending)
  observableGauge(meter, 'credence_ready', () => (ready() ? 1 : 0))
  observableGauge(meter, 'credence_config_last_reload_successful', () => {
    const last = state.lastReload()
    return last && Number(last.successful)
  })
  observableGauge(meter, 'credence_config_last_reload_success_timestamp_seconds', () => {
    const succeededAtMs = state.lastReload()?.succeededAtMs
    return succeededAtMs === undefined ? undefined : succeededAtMs / 1000
  })
  observableGauge(meter, 'credence_checks_in_progress', state.checksInProgress)
  observeEventLoopDelay(meter, state.eventLoopDelay)
  meter
    .createObservableGauge('credence_config_problems', descriptionOf('credence_config_problems'))
    .addCallback(result => {
      const { errors, warnings } = state.configProblems()
      result.observe(errors, { severity: 'error' })
      result.observe(warnings, { severity: 'warning' })
    })
  meter
    .createObservableGauge('credence_rule_repositories', descriptionOf('credence_rule_repositories'))
    .addCallback(result => {
      for (const [repositoryState, count] of Object.entries(state.sources()))
        result.observe(count, { state: repositoryState })
    })
}

const callOutcome = (response: HttpResponse | HttpFailure): string =>
  response.kind === 'failed' ? response.cause : `${Math.floor(response.status / 100)}xx`
