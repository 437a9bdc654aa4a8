/** Guarded client of one Kratos: rejection limit, circuit breaker, concurrency limit, retry budget and outage detection. */
import type { Credential } from '../../access/verdict.ts'
import type { Whoami } from '../../clients/kratos.ts'
import { type Clock, type Millis, millis } from '../../lib/time.ts'
import { createTokenBucket } from '../../lib/token_bucket.ts'
import {
  type CallOutcome,
  type CircuitBreakerCause,
  type CircuitBreakerState,
  createCircuitBreaker,
} from '../../resilience/circuit_breaker.ts'
import { type ConcurrencyLimiter, createConcurrencyLimiter } from '../../resilience/concurrency_limiter.ts'
import type { Source } from '../../resilience/distinct_sources.ts'
import { networkOf } from '../../resilience/network.ts'
import { createRejectionLimiter } from '../../resilience/rejection_limiter.ts'
import type { CacheStatus, Finding, WhoamiEndpoint } from '../types.ts'
import { concernsAll } from './failure_scope.ts'
import { createOutageDetector } from './outage_detector.ts'
import type { Probe, ProbeVerdict } from './probe.ts'
import type { KratosUpstreamOptions } from './upstream_options.ts'
import { readWhoamiResponse } from './whoami_response.ts'

export interface KratosUpstreamDependencies {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly whoami: Whoami
  readonly options: KratosUpstreamOptions
  readonly probe: Probe | undefined
  readonly onEvent: (event: KratosUpstreamEvent) => void
}

/** Why Kratos was not called. */
export type ShedReason = 'circuit_open' | 'overflow' | 'rate_limited'

/** Events for metrics and log. */
export type KratosUpstreamEvent =
  | { readonly kind: 'unexpected_rejection'; readonly verdict: ProbeVerdict }
  | { readonly kind: 'shed'; readonly reason: ShedReason }
  | {
      readonly kind: 'circuit_breaker'
      readonly state: CircuitBreakerState
      readonly cause: CircuitBreakerCause
    }

export interface UpstreamCall {
  readonly endpoint: WhoamiEndpoint
  readonly credential: Credential
  /** Hash of the credential. */
  readonly key: string
  /** IP address of the client; empty if unknown. */
  readonly clientAddress: string
  /** `false`: no request waits for the result any more, so a queued call is not made. */
  readonly isWanted: () => boolean
  /** Current cache status. A function, because a revocation may arrive while Kratos is called. */
  readonly cacheStatus: () => CacheStatus
}

export interface KratosUpstream {
  /** Calls whoami once, and a second time only if the first response contradicts the probe. */
  call(request: UpstreamCall): Promise<Finding>
  /** Whether a rejection by Kratos currently counts as proof. */
  readonly trustsRejections: boolean
  readonly circuitState: CircuitBreakerState
  readonly limiter: Pick<ConcurrencyLimiter, 'inFlight' | 'pending'>
}

/** One retry per this many calls, so that a failing Kratos gets a tenth more calls, not twice as many. */
const CALLS_PER_RETRY = 10
const RETRY_BURST = 10

interface CallResult {
  readonly finding: Finding
  readonly outcome: CallOutcome
  /** The user or credential that the outcome may depend on alone. */
  readonly source?: Source
}

const unavailable = (reason: string, retryAfter: Millis = millis(0)): Finding => ({
  kind: 'unavailable',
  reason,
  retryAfterSeconds: Math.max(1, Math.ceil(retryAfter / 1000)),
})
const OUTAGE_SUSPECTED = unavailable('Kratos rejects recently verified sessions, an outage is suspected')
const OVERFLOW = unavailable('the queue for calls to Kratos is full')
const RATE_LIMITED = unavailable('Kratos has rejected too many unknown credentials')

/** Creates the guarded client. Its state lives as long as the process. */
export function createKratosUpstream(dependencies: KratosUpstreamDependencies): KratosUpstream {
  const { clock, random, whoami, options, probe, onEvent } = dependencies
  const circuitBreaker = createCircuitBreaker({
    clock,
    random,
    failureRatio: options.failureRatio,
    minRequests: options.minRequests,
    openDuration: options.openDuration,
    outageBurst: options.outageBurst,
    maxOutageDuration: options.maxOutageDuration,
    onTransition: (state, cause) => onEvent({ kind: 'circuit_breaker', state, cause }),
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

  function shed(reason: ShedReason, finding: Finding): Finding {
    onEvent({ kind: 'shed', reason })
    return finding
  }

  const circuitOpen = (): Finding =>
    shed('circuit_open', unavailable('the circuit breaker for Kratos is open', circuitBreaker.retryAfter))

  const sourceOf = ({ key, clientAddress, cacheStatus }: UpstreamCall): Source => {
    const status = cacheStatus()
    const user = status.kind === 'verified' ? status.session.identityId : key
    return { key: user, network: networkOf(clientAddress) }
  }

  async function callWhoami({ endpoint, credential }: UpstreamCall) {
    retryBudget.add(1 / CALLS_PER_RETRY)
    const { whoamiUrl: url, headers } = endpoint
    const response = await whoami({ url, headers, credential, mayRetry })
    const finding = readWhoamiResponse(response, credential.name, clock.wall())
    return { finding, failedForAll: concernsAll(response) }
  }

  async function callAndEvaluate(request: UpstreamCall): Promise<CallResult> {
    const { finding, failedForAll } = await callWhoami(request)
    switch (finding.kind) {
      case 'verified':
      case 'second factor':
        outageDetector?.clearEvidence()
        probe?.warmUp(request.endpoint)
        return { finding, outcome: 'live' }
      case 'rejected':
        return evaluateRejection(finding, request)
      case 'limited':
        return { finding, outcome: 'rejected' }
      case 'unavailable':
        return failedForAll
          ? { finding, outcome: 'failed' }
          : { finding, outcome: 'failed', source: sourceOf(request) }
    }
  }

  /** A 401 proves nothing by itself: Kratos also sends it while its database fails. */
  async function evaluateRejection(
    rejection: Finding & { kind: 'rejected' },
    request: UpstreamCall,
  ): Promise<CallResult> {
    const trustedRejection: CallResult = { finding: rejection, outcome: 'rejected' }
    if (rejection.certain) return trustedRejection
    const status = request.cacheStatus()
    const session = status.kind === 'verified' ? status.session : outageDetector?.lastOutageEvidence
    if (session === undefined) return trustedRejection
    const verdict =
      outageDetector === undefined ? 'unknown' : await outageDetector.probe(request.endpoint, session)
    // A revocation that arrived during the probe explains the rejection.
    const unexpected = status.kind === 'verified' && request.cacheStatus().kind === 'verified'
    if (unexpected) onEvent({ kind: 'unexpected_rejection', verdict })
    switch (verdict) {
      case 'ended':
      case 'healthy':
        return unexpected ? { finding: rejection, outcome: 'live' } : trustedRejection
      case 'unhealthy':
        return { finding: OUTAGE_SUSPECTED, outcome: 'failed' }
      case 'live':
        return unexpected ? retryRejected(rejection, request) : trustedRejection
      case 'unknown':
        return unexpected
          ? { finding: rejection, outcome: 'unexpected', source: sourceOf(request) }
          : trustedRejection
    }
  }

  /**
   * The probe says that the session is live. Either whoami was wrong, or this cookie is older than the configured lifespan
   * or was signed with a removed secret. A token has neither property, so a second 401 for it means an outage.
   */
  async function retryRejected(rejection: Finding, request: UpstreamCall): Promise<CallResult> {
    const source = sourceOf(request)
    const { finding } = await callWhoami(request)
    if (finding.kind === 'verified' || finding.kind === 'second factor') return { finding, outcome: 'live' }
    if (finding.kind !== 'rejected' || request.credential.kind === 'token')
      return { finding: OUTAGE_SUSPECTED, outcome: 'failed', source }
    return { finding: rejection, outcome: 'unexpected', source }
  }

  const breakerTrustsRejections = (): boolean =>
    circuitBreaker.state === 'closed' || circuitBreaker.cause === 'failures'

  return {
    async call(request) {
      const { clientAddress, isWanted, cacheStatus } = request
      const recentlyVerified = cacheStatus().kind === 'verified'
      const isAllowed = () => recentlyVerified || rejectionLimiter.allows(clientAddress)
      if (!isAllowed()) return shed('rate_limited', RATE_LIMITED)
      if (circuitBreaker.state === 'open') return circuitOpen()
      const slot = limiter.acquire(recentlyVerified, { network: networkOf(clientAddress), isWanted })
      const releaseSlot = slot instanceof Promise ? await slot : slot
      if (releaseSlot === undefined) return shed('overflow', OVERFLOW)
      // Again after the wait: a full queue of invented credentials would use up what is left for other clients.
      if (slot instanceof Promise && !isAllowed()) {
        releaseSlot()
        return shed('rate_limited', RATE_LIMITED)
      }
      const permit = circuitBreaker.tryAcquire(recentlyVerified)
      let outcome: CallOutcome = 'not_called'
      try {
        if (permit === undefined) return circuitOpen()
        const result = await callAndEvaluate(request)
        outcome = result.outcome
        circuitBreaker.release(permit, outcome, result.source)
        if (result.finding.kind !== 'rejected') return result.finding
        if (cacheStatus().kind !== 'verified') rejectionLimiter.recordRejection(clientAddress)
        return result.finding.certain || breakerTrustsRejections() ? result.finding : OUTAGE_SUSPECTED
      } finally {
        if (permit !== undefined && outcome === 'not_called') circuitBreaker.release(permit, 'not_called')
        releaseSlot()
      }
    },
    get trustsRejections() {
      return breakerTrustsRejections() && outageDetector?.lastOutageEvidence === undefined
    },
    get circuitState() {
      return circuitBreaker.state
    },
    limiter,
  }
}
