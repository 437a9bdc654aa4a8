/** Describes the state of the service for `credence status`. */
import type { SessionCacheState } from '../../telemetry/instruments.ts'
import type { ServiceStatus } from '../rules.ts'

/** What the service observes of itself. */
export interface ObservedService {
  readonly version: string
  readonly ready: boolean
  /** ms since the epoch. */
  readonly startedAtMs: number
  readonly status: ServiceStatus
  readonly repositories: readonly {
    readonly source: string
    readonly state: string
    readonly fault?: string
  }[]
  readonly errors: number
  readonly warnings: number
  readonly checksInProgress: number
  readonly overloaded: boolean
  readonly sessions: SessionCacheState
  /** `undefined` without Redis. `lag` in ms. */
  readonly stream: { readonly connected: boolean; readonly lag: number; readonly pending: number } | undefined
}

/** As JSON. `attention`: one sentence for each thing that an operator should look at, the most urgent first. */
export function describeService(observed: ObservedService) {
  const { version, ready, startedAtMs, status, errors, warnings, sessions, stream } = observed
  const { revision, rules, sources, last_reload } = status
  return {
    version,
    ready,
    started: new Date(startedAtMs).toISOString(),
    attention: needsAttention(observed),
    rules: { revision, count: rules, errors, warnings },
    repositories: sources,
    last_reload,
    checks_in_progress: observed.checksInProgress,
    sessions: {
      cached: sessions.cached,
      cached_bytes: sessions.cachedBytes,
      oldest_used_ms: sessions.maxStaleness,
    },
    kratos: {
      circuit_breaker: sessions.circuitBreaker,
      in_flight: sessions.inFlight,
      pending: sessions.pending,
    },
    redis:
      stream === undefined
        ? null
        : { connected: stream.connected, lag_ms: stream.lag, pending_revocations: stream.pending },
  }
}

/** The sentences of `credence status`. */
function needsAttention({
  ready,
  overloaded,
  status,
  repositories,
  sessions,
  stream,
  errors,
}: ObservedService) {
  const { circuitBreaker } = sessions
  const lastOutcome = (status.last_reload as { readonly outcome?: string } | undefined)?.outcome
  const unusable = repositories.filter(one => one.state !== 'fresh')
  return [
    ...(ready ? [] : ['The service is not ready: Envoy gets no request allowed from it.']),
    ...(overloaded ? ['The event loop is late or too many Checks wait: Checks are denied with 503.'] : []),
    ...(circuitBreaker === 'closed'
      ? []
      : [
          `The circuit breaker for Kratos is ${circuitBreaker}: sessions that are not cached are denied with 503.`,
        ]),
    ...(lastOutcome === 'rejected'
      ? ['The last reload was rejected: the previous rules stay in force.']
      : []),
    ...unusable.map(
      ({ source, state: found, fault }) =>
        `The rule repository ${source} is ${found}${fault === undefined ? '' : `: it ${fault}`}.`,
    ),
    ...(stream?.connected !== false ? [] : ['Redis is not connected: revocations reach this replica only.']),
    ...(errors > 0
      ? [`Rules or configuration have ${errors} ${errors === 1 ? 'error' : 'errors'}: see /status.`]
      : []),
  ]
}
