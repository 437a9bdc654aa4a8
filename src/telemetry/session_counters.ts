/** Counters for events of session verification and replication. */
import type { Meter } from '@opentelemetry/api'
import { lazyCounter } from './metric_definitions.ts'

/** Events outside of decisions. Their labels come from closed sets (docs/operations.md). */
export type SessionMetricEvent =
  | { readonly kind: 'unexpected_rejection'; readonly verdict: string }
  | { readonly kind: 'shed'; readonly reason: string }
  | { readonly kind: 'eviction' }
  | { readonly kind: 'outgoing_shed'; readonly target: string; readonly reason: string }
  | { readonly kind: 'refresh'; readonly outcome: string }
  | { readonly kind: 'circuit_breaker'; readonly state: string; readonly cause: string }
  | { readonly kind: 'response_without_subject' }
  | { readonly kind: 'revocation_rejected'; readonly reason: string }
  | { readonly kind: 'shared_cache'; readonly result: string }
  | { readonly kind: 'revocation_stream'; readonly event: string }

export function createSessionCounters(meter: Meter): (event: SessionMetricEvent) => void {
  const unexpectedRejections = lazyCounter(meter, 'credence_unexpected_rejections_total')
  const shed = lazyCounter(meter, 'credence_kratos_shed_total')
  const outgoingShed = lazyCounter(meter, 'credence_outgoing_shed_total')
  const refreshes = lazyCounter(meter, 'credence_session_refreshes_total')
  const evictions = lazyCounter(meter, 'credence_session_evictions_total')
  const withoutSubject = lazyCounter(meter, 'credence_responses_without_subject_total')
  const rejectedRevocations = lazyCounter(meter, 'credence_revocations_rejected_total')
  const sharedCache = lazyCounter(meter, 'credence_shared_cache_lookups_total')
  const streamEvents = lazyCounter(meter, 'credence_revocation_stream_events_total')
  const transitions = lazyCounter(meter, 'credence_circuit_breaker_transitions_total')
  return event => {
    switch (event.kind) {
      case 'unexpected_rejection':
        return unexpectedRejections(event.verdict, () => ({ verdict: event.verdict }))
      case 'shed':
        return shed(event.reason, () => ({ reason: event.reason }))
      case 'outgoing_shed': {
        const { target, reason } = event
        return outgoingShed(`${target} ${reason}`, () => ({ target, reason }))
      }
      case 'refresh':
        return refreshes(event.outcome, () => ({ outcome: event.outcome }))
      case 'eviction':
        return evictions('', () => ({}))
      case 'response_without_subject':
        return withoutSubject('', () => ({}))
      case 'revocation_rejected':
        return rejectedRevocations(event.reason, () => ({ reason: event.reason }))
      case 'shared_cache':
        return sharedCache(event.result, () => ({ result: event.result }))
      case 'revocation_stream':
        return streamEvents(event.event, () => ({ event: event.event }))
      case 'circuit_breaker': {
        const { state, cause } = event
        return transitions(`${state} ${cause}`, () => ({ state, cause }))
      }
    }
  }
}
