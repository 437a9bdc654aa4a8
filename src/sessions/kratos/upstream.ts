/** sessions/gate — the way to one Kratos: whether it is asked, how often at a time, and whether its no is believed. Knows no memory of its own. */
import type { Credential } from '../../access/verdict.ts'
import type { Whoami } from '../../clients/kratos.ts'
import { type Clock, type Millis, millis } from '../../lib/time.ts'
import { createBucket } from '../../lib/token_bucket.ts'
import type { Finding, Place, Standing } from '../types.ts'
import { type BreakerCause, type BreakerState, createBreaker, type Outcome } from './circuit_breaker.ts'
import { createPlaces } from './concurrency_limiter.ts'
import { createDoubt } from './outage_detector.ts'
import type { Probe, ProbeVerdict } from './probe.ts'
import { createRefusalBudget } from './rejection_limiter.ts'
import { readWhoami } from './whoami_response.ts'

export interface GateLimits {
  /** Most questions at a time; a quarter of it is for credentials that were good lately. */
  readonly places: number
  /** Most questions that wait for a place. */
  readonly waiting: number
  readonly failureRatio: number
  readonly failureMinimum: number
  readonly openFor: Millis
  /** Doubtful refusals in a row that make all refusals doubtful. */
  readonly doubtBurst: number
  readonly longestDoubt: Millis
  /** Refusals of unknown credentials: at once, and per second. */
  readonly refusalBurst: number
  readonly refusalsPerSecond: number
}

export interface GateParts {
  readonly clock: Clock
  readonly random: () => number
  readonly whoami: Whoami
  readonly limits: GateLimits
  readonly probe: Probe | undefined
  readonly tell: (news: GateNews) => void
}

/** What metrics and log hear of. */
export type GateNews =
  | { readonly kind: 'doubt'; readonly verdict: ProbeVerdict }
  | { readonly kind: 'limited'; readonly limit: 'breaker' | 'places' | 'refusals' }
  | { readonly kind: 'breaker'; readonly state: BreakerState; readonly cause: BreakerCause }

export interface GateQuestion {
  readonly place: Place
  readonly credential: Credential
  /** Of the client. */
  readonly address: string
  /** As memory has it at the moment: news may come while Kratos is asked. */
  readonly standing: () => Standing
}

export interface Gate {
  /** One question at most, and a second one where the first answer cannot be true. */
  ask(question: GateQuestion): Promise<Finding>
  /** Whether a refusal of Kratos is taken at its word at the moment. */
  readonly believes: boolean
  readonly state: BreakerState
  /** Questions under way, and those that wait for their turn. */
  readonly asked: number
  readonly waiting: number
}

/** A second try costs this many calls: so that a dying Kratos gets a tenth more, not twice as many. */
const CALLS_PER_RETRY = 10
const RETRY_BURST = 10

interface Judged {
  readonly finding: Finding
  readonly outcome: Outcome
}

const unavailable = (why: string, left: Millis = millis(0)): Finding => ({
  kind: 'unavailable',
  why,
  retryAfterSeconds: Math.max(1, Math.ceil(left / 1000)),
})
const SICK = unavailable('Kratos refuses sessions that it knew a moment ago')
const CROWDED = unavailable('too many questions wait for Kratos')
const FLOODED = unavailable('Kratos has refused too many unknown credentials')

export function createGate({ clock, random, whoami, limits, probe, tell }: GateParts): Gate {
  const breaker = createBreaker({
    clock,
    random,
    failureRatio: limits.failureRatio,
    minimum: limits.failureMinimum,
    openFor: limits.openFor,
    burst: limits.doubtBurst,
    longestDoubt: limits.longestDoubt,
    changed: (state, cause) => tell({ kind: 'breaker', state, cause }),
  })
  const places = createPlaces({
    places: limits.places,
    reserved: Math.floor(limits.places / 4),
    waiting: limits.waiting,
  })
  const refusals = createRefusalBudget({
    clock,
    burst: limits.refusalBurst,
    perSecond: limits.refusalsPerSecond,
  })
  const retries = createBucket({ clock, capacity: RETRY_BURST, perSecond: 0 })
  const doubt = probe === undefined ? undefined : createDoubt(clock, probe)

  const mayRetry = (): boolean => {
    if (retries.left < 1) return false
    retries.spend()
    return true
  }

  function limited(limit: 'breaker' | 'places' | 'refusals', finding: Finding): Finding {
    tell({ kind: 'limited', limit })
    return finding
  }

  const shut = (): Finding =>
    limited('breaker', unavailable('Kratos is in trouble and not asked', breaker.left))

  async function call({ place, credential }: GateQuestion): Promise<Finding> {
    retries.add(1 / CALLS_PER_RETRY)
    const answer = await whoami({ url: place.whoamiUrl, headers: place.headers, credential, mayRetry })
    return readWhoami(answer, credential.name, clock.wall())
  }

  async function askOnce(question: GateQuestion): Promise<Judged> {
    const finding = await call(question)
    switch (finding.kind) {
      case 'verified':
      case 'second factor':
        doubt?.cleared()
        probe?.learn(question.place)
        return { finding, outcome: 'good' }
      case 'rejected':
        return judge(finding, question)
      case 'limited':
        return { finding, outcome: 'refused' }
      case 'unavailable':
        return { finding, outcome: 'failed' }
    }
  }

  /** A 401 is not a fact: Kratos says the same when its database is sick (kratos 2.3, J13). */
  async function judge(refusal: Finding & { kind: 'rejected' }, question: GateQuestion): Promise<Judged> {
    if (refusal.certain) return { finding: refusal, outcome: 'refused' }
    const standing = question.standing()
    const session = standing.kind === 'known' ? standing.session : doubt?.suspicion
    if (session === undefined) return { finding: refusal, outcome: 'refused' }
    const verdict = doubt === undefined ? 'unknown' : await doubt.ask(question.place, session)
    // Whoever revoked it meanwhile has told us that the refusal is honest.
    const known = standing.kind === 'known' && question.standing().kind === 'known'
    if (known) tell({ kind: 'doubt', verdict })
    switch (verdict) {
      case 'ended':
      case 'well':
        return { finding: refusal, outcome: known ? 'good' : 'refused' }
      case 'sick':
        return { finding: SICK, outcome: 'failed' }
      case 'alive':
        return known ? again(refusal, question) : { finding: refusal, outcome: 'refused' }
      case 'unknown':
        return { finding: refusal, outcome: known ? 'doubted' : 'refused' }
    }
  }

  /** Its session lives: whoami was wrong a moment ago, or this cookie is too old, or made with a secret that is gone (kratos 3.1). */
  async function again(refusal: Finding, question: GateQuestion): Promise<Judged> {
    const second = await call(question)
    if (second.kind === 'verified' || second.kind === 'second factor')
      return { finding: second, outcome: 'good' }
    if (second.kind !== 'rejected' || question.credential.kind === 'token') {
      return { finding: SICK, outcome: 'failed' }
    }
    return { finding: refusal, outcome: 'doubted' }
  }

  const believes = (): boolean => breaker.state === 'closed' || breaker.cause === 'failures'

  return {
    async ask(question) {
      const known = question.standing().kind === 'known'
      if (!known && !refusals.allows(question.address)) return limited('refusals', FLOODED)
      if (breaker.state === 'open') return shut()
      const place = places.take(known)
      const leave = place instanceof Promise ? await place : place
      if (leave === undefined) return limited('places', CROWDED)
      const pass = breaker.enter(known)
      let outcome: Outcome = 'none'
      try {
        if (pass === undefined) return shut()
        const judged = await askOnce(question)
        outcome = judged.outcome
        breaker.leave(pass, outcome)
        if (judged.finding.kind !== 'rejected') return judged.finding
        if (question.standing().kind !== 'known') refusals.refused(question.address)
        return judged.finding.certain || believes() ? judged.finding : SICK
      } finally {
        if (pass !== undefined && outcome === 'none') breaker.leave(pass, 'none')
        leave()
      }
    },
    get believes() {
      return believes() && doubt?.suspicion === undefined
    },
    get state() {
      return breaker.state
    },
    get asked() {
      return places.taken
    },
    get waiting() {
      return places.waiting
    },
  }
}
