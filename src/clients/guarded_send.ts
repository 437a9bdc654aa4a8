/** Limits the calls that clients can cause, so that invented credentials do not starve those of other clients. */
import { createLruCache } from '../lib/lru_cache.ts'
import { type Clock, type Millis, millis } from '../lib/time.ts'
import { type CallOutcome, createCircuitBreaker } from '../resilience/circuit_breaker.ts'
import { createConcurrencyLimiter } from '../resilience/concurrency_limiter.ts'
import { networkOf } from '../resilience/network.ts'
import { createRejectionLimiter } from '../resilience/rejection_limiter.ts'
import { httpFailure } from './http/exchange.ts'
import {
  type Caller,
  deadlineOf,
  type HttpFailure,
  type HttpResponse,
  type OutgoingRequest,
  type Send,
} from './http/message.ts'
import { createNegativeCache } from './negative_cache.ts'

export interface GuardedSendDependencies {
  readonly clock: Clock
  readonly send: Send
  /** In [0, 1). */
  readonly random: () => number
  /** Time for which rejections of unknown credentials are cached. */
  readonly negativeCacheTtl: Millis
  /** Called for each call that is not made, for metrics. */
  readonly onShed: (target: string, reason: ShedReason) => void
  /** For each service. Default 32, the connections to one origin. */
  readonly maxConcurrentCalls?: number
}

/** Why a service was not called. */
export type ShedReason = 'circuit_open' | 'overflow' | 'rate_limited'

/** Queued calls of one service. The queue is fair, so its length bounds memory and not the waiting time. */
const MAX_PENDING_CALLS = 1_000
/** How long an accepted credential has reserved capacity. */
const RECENTLY_ACCEPTED_MS = millis(600_000)
const MAX_RECENT_CREDENTIALS = 100_000
/** Calls of one credential with reserved capacity, so that one user's flood does not delay other users. */
const MAX_RESERVED_CALLS_PER_CREDENTIAL = 2
/** Bounds memory if reloaded rules name new services again and again. */
const MAX_SERVICES = 256
/** The same limits as for Kratos. */
const REJECTION_LIMIT = { burst: 1_000, perSecond: 100 }
const BREAKER = { failureRatio: 0.5, minRequests: 20, openDuration: millis(2_000) }
/** Bursts of unexpected rejections are evaluated for Kratos only. */
const NO_OUTAGE_DETECTION = { outageBurst: Number.POSITIVE_INFINITY, maxOutageDuration: millis(0) }

type Outcome = HttpResponse | HttpFailure

/** Returns a `send` that limits calls with a `caller`, for each service and purpose. Other calls pass unchanged. */
export function guardSend(dependencies: GuardedSendDependencies): Send {
  const { send } = dependencies
  const guards = new Map<string, Guard>()
  return request => {
    const { caller, target, url } = request
    if (caller === undefined) return send(request)
    // Not the path, which clients choose for some services.
    const key = `${target} ${URL.parse(url)?.origin}`
    let guard = guards.get(key)
    if (guard === undefined) {
      const [oldest] = guards.keys()
      if (oldest !== undefined && guards.size >= MAX_SERVICES) guards.delete(oldest)
      guard = createGuard(dependencies, caller.credential !== undefined)
      guards.set(key, guard)
    }
    return guard(caller, request)
  }
}

type Guard = (caller: Caller, request: OutgoingRequest) => Promise<Outcome>

function createGuard(dependencies: GuardedSendDependencies, checksCredentials: boolean): Guard {
  const { clock, send, random, onShed, maxConcurrentCalls: maxConcurrent = 32 } = dependencies
  const breaker = createCircuitBreaker({
    clock,
    random,
    ...BREAKER,
    ...NO_OUTAGE_DETECTION,
    onTransition: () => {},
  })
  const limiter = createConcurrencyLimiter({
    maxConcurrent,
    reserved: checksCredentials ? Math.floor(maxConcurrent / 4) : 0,
    maxPending: MAX_PENDING_CALLS,
  })
  const rejectionLimiter = createRejectionLimiter({ clock, ...REJECTION_LIMIT })
  const recentlyAccepted = createLruCache<true>({ clock, maxEntries: MAX_RECENT_CREDENTIALS })
  const negativeCache = createNegativeCache(clock, dependencies.negativeCacheTtl)
  /** Calls with reserved capacity, by credential. */
  const reservedCalls = new Map<string, number>()
  const countReserved = (key: string, change: 1 | -1) => {
    const count = (reservedCalls.get(key) ?? 0) + change
    if (count === 0) reservedCalls.delete(key)
    else reservedCalls.set(key, count)
  }

  function shed(target: string, reason: ShedReason): HttpFailure {
    onShed(target, reason)
    return httpFailure(target, 'busy', SHED_DETAILS[reason])
  }

  function record({ address, credential }: Caller, outcome: Outcome): CallOutcome {
    if (outcome.kind === 'failed') return FAILURES.has(outcome.cause) ? 'failed' : 'not_called'
    // Not 500: a service that fails on one odd credential would be closed to every client.
    if (outcome.status >= 502 && outcome.status <= 504) return 'failed'
    if (credential === undefined) return 'live'
    if (credential.isAccepted(outcome)) {
      recentlyAccepted.set(credential.key, true, RECENTLY_ACCEPTED_MS)
      negativeCache.delete(credential.key)
      return 'live'
    }
    if (outcome.status === 429) return 'rejected'
    if (recentlyAccepted.get(credential.key) === undefined) {
      rejectionLimiter.recordRejection(address)
      if (credential.isRejected?.(outcome) === true) negativeCache.add(credential.key, outcome)
    } else recentlyAccepted.delete(credential.key)
    return 'rejected'
  }

  async function callInSlot(
    caller: Caller,
    request: OutgoingRequest,
    hasPriority: boolean,
    isAllowed: () => boolean,
  ): Promise<Outcome> {
    const { target } = request
    const isWanted = () => deadlineOf(request) > clock.now()
    const slot = limiter.acquire(hasPriority, { network: networkOf(caller.address), isWanted })
    const release = slot instanceof Promise ? await slot : slot
    if (release === undefined) return shed(target, 'overflow')
    // Again after the wait: a full queue of invented credentials would use up what is left for other clients.
    if (slot instanceof Promise && !isAllowed()) {
      release()
      return shed(target, 'rate_limited')
    }
    const permit = breaker.tryAcquire(hasPriority)
    let result: CallOutcome = 'not_called'
    try {
      if (permit === undefined) return shed(target, 'circuit_open')
      const outcome = await send(request)
      result = record(caller, outcome)
      return outcome
    } finally {
      if (permit !== undefined) breaker.release(permit, result)
      release()
    }
  }

  return async (caller, request) => {
    const { target } = request
    // Its client has left, for example, while an earlier step of the rule called another service.
    if (deadlineOf(request) <= clock.now()) return httpFailure(target, 'deadline')
    const key = caller.credential?.key
    const isKnown = key !== undefined && recentlyAccepted.get(key) === true
    const rejection = key === undefined || isKnown ? undefined : negativeCache.get(key)
    if (rejection !== undefined) return rejection
    const isAllowed = () => key === undefined || isKnown || rejectionLimiter.allows(caller.address)
    if (!isAllowed()) return shed(target, 'rate_limited')
    if (breaker.state === 'open') return shed(target, 'circuit_open')
    if (!isKnown || (reservedCalls.get(key) ?? 0) >= MAX_RESERVED_CALLS_PER_CREDENTIAL)
      return callInSlot(caller, request, false, isAllowed)
    countReserved(key, 1)
    try {
      return await callInSlot(caller, request, true, isAllowed)
    } finally {
      countReserved(key, -1)
    }
  }
}

/** A passed deadline is none: the call may have waited for a slot until then. */
const FAILURES: ReadonlySet<HttpFailure['cause']> = new Set(['connect', 'timeout', 'reset'])

const SHED_DETAILS: Readonly<Record<ShedReason, string>> = {
  circuit_open: 'the circuit breaker is open',
  overflow: '',
  rate_limited: 'too many rejected credentials',
}
