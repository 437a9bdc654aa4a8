/** sessions/breaker — whether one Kratos is asked at the moment: closed, open, half open. Knows outcomes, no credential and no HTTP. */
import { between, type Clock, type Instant, later, type Millis, millis } from '../../lib/time.ts'

export interface BreakerOptions {
  readonly clock: Pick<Clock, 'now'>
  /** In [0, 1); replicas do not try again together. */
  readonly random: () => number
  /** Share of failures, 0 to 1, from which it opens. */
  readonly failureRatio: number
  /** Fewest answers and failures of the last ten to twenty seconds that say anything. */
  readonly minimum: number
  readonly openFor: Millis
  /** Doubtful refusals in a row, of as many credentials, from which none is believed. */
  readonly burst: number
  /** Longest time that refusals are not believed on the strength of a burst alone. */
  readonly longestDoubt: Millis
  readonly changed: (state: BreakerState, cause: BreakerCause) => void
}

export type BreakerState = 'closed' | 'open' | 'half open'
/** `failures`: no answers. `doubt`: refusals of what was good a moment ago, one after another. */
export type BreakerCause = 'failures' | 'doubt'

/**
 * `good`: a live session, which a sick Kratos does not know. `refused`: an answer, but one that a sick Kratos gives too.
 * `doubted`: a refusal that surprises. `failed`: no answer that could be used. `none`: it was not asked after all.
 */
export type Outcome = 'good' | 'refused' | 'doubted' | 'failed' | 'none'

/** Leave to ask once. To be given back with what came of it. */
export interface Pass {
  readonly trial: 'no' | 'known' | 'unknown'
}

export interface Breaker {
  readonly state: BreakerState
  /** Why it is not closed. */
  readonly cause: BreakerCause
  /** `undefined`: not now. While half open, one asks; after a burst one of either kind, because a refusal of the unknown proves nothing. */
  enter(known: boolean): Pass | undefined
  leave(pass: Pass, outcome: Outcome): void
  /** Until somebody may try, ms; 0 when somebody does. */
  readonly left: Millis
}

/** Outcomes are counted for this span and the one before it, ms. */
const SPAN = millis(10_000)
/** The time that it is open is longer by up to this share. */
const LARGEST_DELAY = 0.25
const FREE: Pass = Object.freeze({ trial: 'no' })

export function createBreaker(options: BreakerOptions): Breaker {
  const { clock } = options
  let state: BreakerState = 'closed'
  let cause: BreakerCause = 'failures'
  let openUntil = clock.now()
  const trials = new Map<Pass['trial'], Pass>()
  let counts = createCounts(clock)
  let doubts = 0
  let doubtedSince: Instant | undefined
  /** A burst that was believed in the end does not begin anew before Kratos knows somebody. */
  let settled = false

  function turn(to: BreakerState, why: BreakerCause): void {
    const moved = to !== state
    state = to
    cause = why
    trials.clear()
    if (to === 'open') {
      openUntil = later(clock.now(), millis(options.openFor * (1 + LARGEST_DELAY * options.random())))
    }
    if (to === 'closed') {
      counts = createCounts(clock)
      doubts = 0
      doubtedSince = undefined
    }
    if (moved) options.changed(to, why)
  }

  /** What only time changes. */
  function look(): void {
    if (state === 'open' && clock.now() >= openUntil) turn('half open', cause)
    if (state === 'closed' || cause !== 'doubt' || doubtedSince === undefined) return
    if (between(doubtedSince, clock.now()) < options.longestDoubt) return
    settled = true
    turn('closed', cause)
  }

  function countWhileClosed(outcome: Outcome): void {
    if (outcome === 'good') {
      doubts = 0
      settled = false
    }
    if (outcome === 'doubted' && !settled && ++doubts >= options.burst) {
      doubtedSince = clock.now()
      turn('half open', 'doubt')
      return
    }
    counts.add(outcome === 'failed')
    if (outcome !== 'failed' || counts.total < options.minimum) return
    if (counts.failed >= options.failureRatio * counts.total) turn('open', 'failures')
  }

  function judgeTrial(outcome: Outcome): void {
    if (outcome === 'failed') turn('open', cause)
    else if (outcome === 'good' || cause === 'failures') {
      turn('closed', cause)
      countWhileClosed(outcome)
    } else if (outcome === 'doubted') turn('open', cause)
    // Else of an unknown credential: it proves nothing, and the next one may try.
  }

  return {
    get state() {
      look()
      return state
    },
    get cause() {
      return cause
    },
    enter(known) {
      look()
      if (state === 'closed') return FREE
      const trial = known ? 'known' : 'unknown'
      if (state === 'open' || trials.has(trial) || (cause === 'failures' && trials.size > 0)) return undefined
      const pass: Pass = { trial }
      trials.set(trial, pass)
      return pass
    },
    leave(pass, outcome) {
      look()
      // Only of the trial under way: what was asked before it opened, or in an earlier trial, is no longer news.
      const tried = trials.get(pass.trial) === pass && trials.delete(pass.trial)
      if (outcome === 'none') return
      if (tried) judgeTrial(outcome)
      else if (state === 'closed') countWhileClosed(outcome)
    },
    get left() {
      look()
      return state === 'open' ? millis(Math.max(0, between(clock.now(), openUntil))) : millis(0)
    },
  }
}

/** Answers and failures of a span and of the one before it. */
function createCounts(clock: Pick<Clock, 'now'>) {
  let began = clock.now()
  let current = { total: 0, failed: 0 }
  let before = { total: 0, failed: 0 }
  return {
    add(failed: boolean): void {
      const age = between(began, clock.now())
      if (age >= SPAN) {
        before = age < 2 * SPAN ? current : { total: 0, failed: 0 }
        current = { total: 0, failed: 0 }
        began = clock.now()
      }
      current.total++
      if (failed) current.failed++
    },
    get total() {
      return current.total + before.total
    },
    get failed() {
      return current.failed + before.failed
    },
  }
}
