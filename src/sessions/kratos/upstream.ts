/** sessions/gate — the way to one Kratos: whether it is asked, how often at a time, and whether its no is believed. Knows no memory of its own. */
import type { Credential } from '../../access/verdict.ts'
import type { Whoami } from '../../clients/kratos.ts'
import { type Clock, type Millis, millis } from '../../lib/time.ts'
import { createTokenBucket } from '../../lib/token_bucket.ts'
import type { CacheStatus, Finding, WhoamiEndpoint } from '../types.ts'
import {
  type CallOutcome,
  type CircuitBreakerCause,
  type CircuitBreakerState,
  createCircuitBreaker,
} from './circuit_breaker.ts'
import { createConcurrencyLimiter } from './concurrency_limiter.ts'
import { createOutageDetector } from './outage_detector.ts'
import type { Probe, ProbeVerdict } from './probe.ts'
import { createRejectionLimiter } from './rejection_limiter.ts'
import { readWhoamiResponse } from './whoami_response.ts'

export interface KratosUpstreamOptions {
  /** Most questions at a time; a quarter of it is for credentials that were good lately. */
  readonly maxConcurrentRequests: number
  /** Most questions that wait for a place. */
  readonly maxPendingRequests: number
  readonly failureRatio: number
  readonly minRequests: number
  readonly openDuration: Millis
  /** Doubtful refusals in a row that make all refusals doubtful. */
  readonly outageBurst: number
  readonly maxOutageDuration: Millis
  /** Refusals of unknown credentials: at once, and per second. */
  readonly rejectionBurst: number
  readonly rejectionsPerSecond: number
}

export interface KratosUpstreamDependencies {
  readonly clock: Clock
  readonly random: () => number
  readonly whoami: Whoami
  readonly options: KratosUpstreamOptions
  readonly probe: Probe | undefined
  readonly onEvent: (news: KratosUpstreamEvent) => void
}

/** What metrics and log hear of. */
export type KratosUpstreamEvent =
  | { readonly kind: 'doubt'; readonly verdict: ProbeVerdict }
  | { readonly kind: 'limited'; readonly limit: 'breaker' | 'places' | 'refusals' }
  | { readonly kind: 'breaker'; readonly state: CircuitBreakerState; readonly cause: CircuitBreakerCause }

export interface UpstreamCall {
  readonly endpoint: WhoamiEndpoint
  readonly credential: Credential
  /** Of the client. */
  readonly clientAddress: string
  /** As memory has it at the moment: news may come while Kratos is asked. */
  readonly cacheStatus: () => CacheStatus
}

export interface KratosUpstream {
  /** One question at most, and a second one where the first answer cannot be true. */
  call(question: UpstreamCall): Promise<Finding>
  /** Whether a refusal of Kratos is taken at its word at the moment. */
  readonly trustsRejections: boolean
  readonly circuitState: CircuitBreakerState
  /** Questions under way, and those that wait for their turn. */
  readonly inFlight: number
  readonly pending: number
}

/** A second try costs this many calls: so that a dying Kratos gets a tenth more, not twice as many. */
const CALLS_PER_RETRY = 10
const RETRY_BURST = 10

interface CallResult {
  readonly finding: Finding
  readonly outcome: CallOutcome
}

const unavailable = (why: string, left: Millis = millis(0)): Finding => ({
  kind: 'unavailable',
  why,
  retryAfterSeconds: Math.max(1, Math.ceil(left / 1000)),
})
const OUTAGE_SUSPECTED = unavailable('Kratos refuses sessions that it knew a moment ago')
const OVERFLOW = unavailable('too many questions wait for Kratos')
const REJECTION_LIMIT_REACHED = unavailable('Kratos has refused too many unknown credentials')

export function createKratosUpstream({
  clock,
  random,
  whoami,
  options,
  probe,
  onEvent,
}: KratosUpstreamDependencies): KratosUpstream {
  const circuitBreaker = createCircuitBreaker({
    clock,
    random,
    failureRatio: options.failureRatio,
    minRequests: options.minRequests,
    openDuration: options.openDuration,
    outageBurst: options.outageBurst,
    maxOutageDuration: options.maxOutageDuration,
    onTransition: (state, cause) => onEvent({ kind: 'breaker', state, cause }),
  })
  const limiter = createConcurrencyLimiter({
    maxConcurrent: options.maxConcurrentRequests,
    reserved: Math.floor(options.maxConcurrentRequests / 4),
    maxPending: options.maxPendingRequests,
  })
  const rejectionLimiter = createRejectionLimiter({
    clock,
    burst: options.rejectionBurst,
    perSecond: options.rejectionsPerSecond,
  })
  const retryBudget = createTokenBucket({ clock, capacity: RETRY_BURST, refillPerSecond: 0 })
  const outageDetector = probe === undefined ? undefined : createOutageDetector(clock, probe)

  const mayRetry = (): boolean => {
    if (retryBudget.available < 1) return false
    retryBudget.consume()
    return true
  }

  function shed(limit: 'breaker' | 'places' | 'refusals', finding: Finding): Finding {
    onEvent({ kind: 'limited', limit })
    return finding
  }

  const circuitOpen = (): Finding =>
    shed('breaker', unavailable('Kratos is in trouble and not asked', circuitBreaker.retryAfter))

  async function callWhoami({ endpoint, credential }: UpstreamCall): Promise<Finding> {
    retryBudget.add(1 / CALLS_PER_RETRY)
    const answer = await whoami({ url: endpoint.whoamiUrl, headers: endpoint.headers, credential, mayRetry })
    return readWhoamiResponse(answer, credential.name, clock.wall())
  }

  async function callOnce(question: UpstreamCall): Promise<CallResult> {
    const finding = await callWhoami(question)
    switch (finding.kind) {
      case 'verified':
      case 'second factor':
        outageDetector?.clearEvidence()
        probe?.warmUp(question.endpoint)
        return { finding, outcome: 'good' }
      case 'rejected':
        return evaluateRejection(finding, question)
      case 'limited':
        return { finding, outcome: 'refused' }
      case 'unavailable':
        return { finding, outcome: 'failed' }
    }
  }

  /** A 401 is not a fact: Kratos says the same when its database is sick (kratos 2.3, J13). */
  async function evaluateRejection(
    rejection: Finding & { kind: 'rejected' },
    question: UpstreamCall,
  ): Promise<CallResult> {
    if (rejection.certain) return { finding: rejection, outcome: 'refused' }
    const status = question.cacheStatus()
    const session = status.kind === 'known' ? status.session : outageDetector?.lastOutageEvidence
    if (session === undefined) return { finding: rejection, outcome: 'refused' }
    const verdict =
      outageDetector === undefined ? 'unknown' : await outageDetector.probe(question.endpoint, session)
    // Whoever revoked it meanwhile has told us that the refusal is honest.
    const known = status.kind === 'known' && question.cacheStatus().kind === 'known'
    if (known) onEvent({ kind: 'doubt', verdict })
    switch (verdict) {
      case 'ended':
      case 'well':
        return { finding: rejection, outcome: known ? 'good' : 'refused' }
      case 'sick':
        return { finding: OUTAGE_SUSPECTED, outcome: 'failed' }
      case 'alive':
        return known ? retryRejected(rejection, question) : { finding: rejection, outcome: 'refused' }
      case 'unknown':
        return { finding: rejection, outcome: known ? 'doubted' : 'refused' }
    }
  }

  /** Its session lives: whoami was wrong a moment ago, or this cookie is too old, or made with a secret that is gone (kratos 3.1). */
  async function retryRejected(refusal: Finding, question: UpstreamCall): Promise<CallResult> {
    const second = await callWhoami(question)
    if (second.kind === 'verified' || second.kind === 'second factor')
      return { finding: second, outcome: 'good' }
    if (second.kind !== 'rejected' || question.credential.kind === 'token') {
      return { finding: OUTAGE_SUSPECTED, outcome: 'failed' }
    }
    return { finding: refusal, outcome: 'doubted' }
  }

  const trustsRejections = (): boolean =>
    circuitBreaker.state === 'closed' || circuitBreaker.cause === 'failures'

  return {
    async call(question) {
      const known = question.cacheStatus().kind === 'known'
      if (!known && !rejectionLimiter.allows(question.clientAddress))
        return shed('refusals', REJECTION_LIMIT_REACHED)
      if (circuitBreaker.state === 'open') return circuitOpen()
      const place = limiter.acquire(known)
      const release = place instanceof Promise ? await place : place
      if (release === undefined) return shed('places', OVERFLOW)
      const permit = circuitBreaker.tryAcquire(known)
      let outcome: CallOutcome = 'none'
      try {
        if (permit === undefined) return circuitOpen()
        const result = await callOnce(question)
        outcome = result.outcome
        circuitBreaker.release(permit, outcome)
        if (result.finding.kind !== 'rejected') return result.finding
        if (question.cacheStatus().kind !== 'known') rejectionLimiter.recordRejection(question.clientAddress)
        return result.finding.certain || trustsRejections() ? result.finding : OUTAGE_SUSPECTED
      } finally {
        if (permit !== undefined && outcome === 'none') circuitBreaker.release(permit, 'none')
        release()
      }
    },
    get trustsRejections() {
      return trustsRejections() && outageDetector?.lastOutageEvidence === undefined
    },
    get circuitState() {
      return circuitBreaker.state
    },
    get inFlight() {
      return limiter.inFlight
    },
    get pending() {
      return limiter.pending
    },
  }
}
