/** sessions/breaker — whether one Kratos is asked at the moment: closed, open, half open. Knows outcomes, no credential and no HTTP. */
import { type Clock, type Instant, type Millis, millis, millisBetween, plusMillis } from '../../lib/time.ts'

export interface CircuitBreakerDependencies {
  readonly clock: Pick<Clock, 'now'>
  /** In [0, 1); replicas do not try again together. */
  readonly random: () => number
  /** Share of failures, 0 to 1, from which it opens. */
  readonly failureRatio: number
  /** Fewest answers and failures of the last ten to twenty seconds that say anything. */
  readonly minRequests: number
  readonly openDuration: Millis
  /** Doubtful refusals in a row, of as many credentials, from which none is believed. */
  readonly outageBurst: number
  /** Longest time that refusals are not believed on the strength of a burst alone. */
  readonly maxOutageDuration: Millis
  readonly onTransition: (state: CircuitBreakerState, cause: CircuitBreakerCause) => void
}

export type CircuitBreakerState = 'closed' | 'open' | 'half open'
/** `failures`: no answers. `doubt`: refusals of what was good a moment ago, one after another. */
export type CircuitBreakerCause = 'failures' | 'doubt'

/**
 * `good`: a live session, which a sick Kratos does not know. `refused`: an answer, but one that a sick Kratos gives too.
 * `doubted`: a refusal that surprises. `failed`: no answer that could be used. `none`: it was not asked after all.
 */
export type CallOutcome = 'good' | 'refused' | 'doubted' | 'failed' | 'none'

/** Leave to ask once. To be given back with what came of it. */
export interface Permit {
  readonly halfOpenCall: 'no' | 'known' | 'unknown'
}

export interface CircuitBreaker {
  readonly state: CircuitBreakerState
  /** Why it is not closed. */
  readonly cause: CircuitBreakerCause
  /** `undefined`: not now. While half open, one asks; after a burst one of either kind, because a refusal of the unknown proves nothing. */
  tryAcquire(known: boolean): Permit | undefined
  release(pass: Permit, outcome: CallOutcome): void
  /** Until somebody may try, ms; 0 when somebody does. */
  readonly retryAfter: Millis
}

/** Outcomes are counted for this span and the one before it, ms. */
const COUNTING_WINDOW_MS = millis(10_000)
/** The time that it is open is longer by up to this share. */
const MAX_OPEN_JITTER_RATIO = 0.25
const CLOSED_PERMIT: Permit = Object.freeze({ halfOpenCall: 'no' })

export function createCircuitBreaker(options: CircuitBreakerDependencies): CircuitBreaker {
  const { clock } = options
  let state: CircuitBreakerState = 'closed'
  let cause: CircuitBreakerCause = 'failures'
  let openUntil = clock.now()
  const halfOpenCalls = new Map<Permit['halfOpenCall'], Permit>()
  let counts = createOutcomeCounts(clock)
  let unexpectedRejections = 0
  let outageSuspectedAt: Instant | undefined
  /** A burst that was believed in the end does not begin anew before Kratos knows somebody. */
  let suppressed = false

  function transition(to: CircuitBreakerState, newCause: CircuitBreakerCause): void {
    const stateChanged = to !== state
    state = to
    cause = newCause
    halfOpenCalls.clear()
    if (to === 'open') {
      openUntil = plusMillis(
        clock.now(),
        millis(options.openDuration * (1 + MAX_OPEN_JITTER_RATIO * options.random())),
      )
    }
    if (to === 'closed') {
      counts = createOutcomeCounts(clock)
      unexpectedRejections = 0
      outageSuspectedAt = undefined
    }
    if (stateChanged) options.onTransition(to, newCause)
  }

  /** What only time changes. */
  function update(): void {
    if (state === 'open' && clock.now() >= openUntil) transition('half open', cause)
    if (state === 'closed' || cause !== 'doubt' || outageSuspectedAt === undefined) return
    if (millisBetween(outageSuspectedAt, clock.now()) < options.maxOutageDuration) return
    suppressed = true
    transition('closed', cause)
  }

  function countWhileClosed(outcome: CallOutcome): void {
    if (outcome === 'good') {
      unexpectedRejections = 0
      suppressed = false
    }
    if (outcome === 'doubted' && !suppressed && ++unexpectedRejections >= options.outageBurst) {
      outageSuspectedAt = clock.now()
      transition('half open', 'doubt')
      return
    }
    counts.add(outcome === 'failed')
    if (outcome !== 'failed' || counts.total < options.minRequests) return
    if (counts.failed >= options.failureRatio * counts.total) transition('open', 'failures')
  }

  function evaluateHalfOpenCall(outcome: CallOutcome): void {
    if (outcome === 'failed') transition('open', cause)
    else if (outcome === 'good' || cause === 'failures') {
      transition('closed', cause)
      countWhileClosed(outcome)
    } else if (outcome === 'doubted') transition('open', cause)
    // Else of an unknown credential: it proves nothing, and the next one may try.
  }

  return {
    get state() {
      update()
      return state
    },
    get cause() {
      return cause
    },
    tryAcquire(known) {
      update()
      if (state === 'closed') return CLOSED_PERMIT
      const halfOpenCall = known ? 'known' : 'unknown'
      if (
        state === 'open' ||
        halfOpenCalls.has(halfOpenCall) ||
        (cause === 'failures' && halfOpenCalls.size > 0)
      )
        return undefined
      const permit: Permit = { halfOpenCall }
      halfOpenCalls.set(halfOpenCall, permit)
      return permit
    },
    release(pass, outcome) {
      update()
      // Only of the trial under way: what was asked before it opened, or in an earlier trial, is no longer news.
      const wasHalfOpenCall =
        halfOpenCalls.get(pass.halfOpenCall) === pass && halfOpenCalls.delete(pass.halfOpenCall)
      if (outcome === 'none') return
      if (wasHalfOpenCall) evaluateHalfOpenCall(outcome)
      else if (state === 'closed') countWhileClosed(outcome)
    },
    get retryAfter() {
      update()
      return state === 'open' ? millis(Math.max(0, millisBetween(clock.now(), openUntil))) : millis(0)
    },
  }
}

/** Answers and failures of a span and of the one before it. */
function createOutcomeCounts(clock: Pick<Clock, 'now'>) {
  let windowStart = clock.now()
  let current = { total: 0, failed: 0 }
  let previous = { total: 0, failed: 0 }
  return {
    add(failed: boolean): void {
      const age = millisBetween(windowStart, clock.now())
      if (age >= COUNTING_WINDOW_MS) {
        previous = age < 2 * COUNTING_WINDOW_MS ? current : { total: 0, failed: 0 }
        current = { total: 0, failed: 0 }
        windowStart = clock.now()
      }
      current.total++
      if (failed) current.failed++
    },
    get total() {
      return current.total + previous.total
    },
    get failed() {
      return current.failed + previous.failed
    },
  }
}
