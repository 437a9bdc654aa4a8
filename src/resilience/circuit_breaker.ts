/** Circuit breaker for one service, Kratos for example: closed, open or half open, by failed calls and by unexpected rejections. */
import { type Clock, type Instant, type Millis, millis, millisBetween, plusMillis } from '../lib/time.ts'
import { createDistinctSources, type Source } from './distinct_sources.ts'
import { createOutcomeCounts } from './outcome_counts.ts'

export interface CircuitBreakerDependencies {
  readonly clock: Pick<Clock, 'now'>
  /** In [0, 1). Spreads the trial calls of several replicas. */
  readonly random: () => number
  /** Share of failed calls, 0 to 1, at which the circuit opens. */
  readonly failureRatio: number
  /** Minimum number of calls in the window before `failureRatio` applies. */
  readonly minRequests: number
  readonly openDuration: Millis
  /** Number of users with consecutive unexpected rejections, from several networks, at which rejections are no longer trusted. */
  readonly outageBurst: number
  /** Maximum time for which such a burst alone keeps rejections from being trusted. */
  readonly maxOutageDuration: Millis
  readonly onTransition: (state: CircuitBreakerState, cause: CircuitBreakerCause) => void
}

export type CircuitBreakerState = 'closed' | 'open' | 'half_open'
/** `failures`: calls without a usable response. `unexpected_rejections`: a burst of 401s for recently verified sessions. */
export type CircuitBreakerCause = 'failures' | 'unexpected_rejections'

/**
 * `live`: Kratos returned a live session, which it cannot do while its database fails. `rejected`: a 401 or 429, which it
 * also sends then. `unexpected`: a 401 for a recently verified session. `failed`: no usable response. `not_called`: no call.
 */
export type CallOutcome = 'live' | 'rejected' | 'unexpected' | 'failed' | 'not_called'

/** Permission for one call. The caller must pass it to `release` with the outcome. */
export interface Permit {
  readonly trialCall: 'no' | 'verified' | 'unverified'
}

export interface CircuitBreaker {
  readonly state: CircuitBreakerState
  /** Why the circuit is not closed. */
  readonly cause: CircuitBreakerCause
  /**
   * `undefined`: no call is allowed now. Half open allows one call. After a burst it allows one for a recently verified
   * credential and one for another, because a rejection of the latter proves nothing.
   */
  tryAcquire(recentlyVerified: boolean): Permit | undefined
  /**
   * `source`: the user or credential that an outcome may depend on alone. Such outcomes count once for each source, and one
   * network cannot open the circuit. Default: a failure concerns all calls, and an unexpected rejection does not count.
   */
  release(permit: Permit, outcome: CallOutcome, source?: Source): void
  /** Time until the next trial call in ms; 0 unless the circuit is open. */
  readonly retryAfter: Millis
}

/** An open circuit stays open longer by up to this share, at random. */
const MAX_OPEN_JITTER_RATIO = 0.25
const CLOSED_PERMIT: Permit = Object.freeze({ trialCall: 'no' })

export function createCircuitBreaker(dependencies: CircuitBreakerDependencies): CircuitBreaker {
  const { clock, outageBurst, onTransition } = dependencies
  let state: CircuitBreakerState = 'closed'
  let cause: CircuitBreakerCause = 'failures'
  let openUntil = clock.now()
  const trialCalls = new Map<Permit['trialCall'], Permit>()
  const minFailures = dependencies.failureRatio * dependencies.minRequests
  let counts = createOutcomeCounts(clock, minFailures)
  /** Users whose sessions were rejected unexpectedly since Kratos last returned a live session. */
  const unexpectedlyRejected = createDistinctSources(outageBurst)
  let outageSuspectedAt: Instant | undefined
  /** After `maxOutageDuration` bursts are ignored until Kratos returns a live session. */
  let suppressed = false

  function transition(newState: CircuitBreakerState, newCause: CircuitBreakerCause): void {
    const changed = newState !== state
    state = newState
    cause = newCause
    trialCalls.clear()
    if (newState === 'open') {
      const jitter = 1 + MAX_OPEN_JITTER_RATIO * dependencies.random()
      openUntil = plusMillis(clock.now(), millis(dependencies.openDuration * jitter))
    }
    if (newState === 'closed') {
      counts = createOutcomeCounts(clock, minFailures)
      unexpectedlyRejected.clear()
      outageSuspectedAt = undefined
    }
    if (changed) onTransition(newState, newCause)
  }

  /** Applies the transitions that depend on time alone. */
  function update(): void {
    if (state === 'open' && clock.now() >= openUntil) transition('half_open', cause)
    if (state === 'closed' || cause === 'failures' || outageSuspectedAt === undefined) return
    if (millisBetween(outageSuspectedAt, clock.now()) < dependencies.maxOutageDuration) return
    suppressed = true
    transition('closed', cause)
  }

  function countWhileClosed(outcome: CallOutcome, source: Source | undefined): void {
    if (outcome === 'live') {
      unexpectedlyRejected.clear()
      suppressed = false
    }
    if (outcome === 'unexpected' && source !== undefined && !suppressed) {
      unexpectedlyRejected.add(source)
      if (unexpectedlyRejected.size >= outageBurst) {
        outageSuspectedAt = clock.now()
        transition('half_open', 'unexpected_rejections')
        return
      }
    }
    counts.add(outcome === 'failed', source)
    if (outcome !== 'failed' || counts.total < dependencies.minRequests) return
    if (counts.failed >= dependencies.failureRatio * counts.total) transition('open', 'failures')
  }

  function evaluateTrialCall(outcome: CallOutcome, source: Source | undefined): void {
    if (outcome === 'failed') {
      // A failure that may depend on the credential proves nothing if its source has been counted: the next call may try.
      if (state === 'half_open' && counts.add(true, source)) transition('open', cause)
    } else if (outcome === 'live' || (cause === 'failures' && state === 'half_open')) {
      transition('closed', cause)
      countWhileClosed(outcome, source)
    } else if (outcome === 'unexpected' && state === 'half_open') {
      // Nor does a further session of a user who has been counted.
      if (source === undefined || !unexpectedlyRejected.add(source)) return
      // A live session of another user outweighs the rejection, even if it arrives later.
      const unverified = trialCalls.get('unverified')
      transition('open', cause)
      if (unverified !== undefined) trialCalls.set('unverified', unverified)
    }
    // A rejected credential that was not recently verified proves nothing: the next call may try.
  }

  return {
    get state() {
      update()
      return state
    },
    get cause() {
      return cause
    },
    tryAcquire(recentlyVerified) {
      update()
      if (state === 'closed') return CLOSED_PERMIT
      const trialCall = recentlyVerified ? 'verified' : 'unverified'
      if (state === 'open' || trialCalls.has(trialCall)) return undefined
      if (cause === 'failures' && trialCalls.size > 0) return undefined
      const permit: Permit = { trialCall }
      trialCalls.set(trialCall, permit)
      return permit
    },
    release(permit, outcome, source) {
      update()
      // Calls from before the circuit opened, or of an earlier half-open phase, do not count.
      const wasTrialCall = trialCalls.get(permit.trialCall) === permit && trialCalls.delete(permit.trialCall)
      if (outcome === 'not_called') return
      if (wasTrialCall) evaluateTrialCall(outcome, source)
      else if (state === 'closed') countWhileClosed(outcome, source)
    },
    get retryAfter() {
      update()
      return state === 'open' ? millis(Math.max(0, millisBetween(clock.now(), openUntil))) : millis(0)
    },
  }
}
