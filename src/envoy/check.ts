/** Handles Envoy's Check calls: decodes the request, decides it, notifies the listeners and encodes the response. */
import { type Awaitable, andThen } from '../access/awaitable.ts'
import { deadlineExceeded, decide, denyWithoutRule, OVERLOADED, RULES_NOT_LOADED } from '../access/decide.ts'
import { createDecisionProgress, type Decision } from '../access/decision.ts'
import { type DecisionListener, notifyListeners } from '../access/decision_listener.ts'
import type { Denial } from '../access/denial.ts'
import type { OverloadGuard } from '../access/overload.ts'
import type { Snapshot } from '../access/snapshot.ts'
import type { CallMetadata, UnaryCall, UnaryHandler } from '../grpc/server.ts'
import type { PathMode } from '../http/request_target.ts'
import { type Instant, millis, millisBetween, plusMillis } from '../lib/time.ts'
import { withTimeout } from '../lib/with_timeout.ts'
import { type CheckRequestView, decodeCheckRequest } from './check_request.ts'
import { encodeDecision, INTERNAL_ERROR_RESPONSE } from './check_response.ts'

/** The gRPC service of ext_authz, as a health check names it. */
export const AUTHORIZATION_SERVICE = 'envoy.service.auth.v3.Authorization'
/** The path of its only method. */
export const CHECK_METHOD = `/${AUTHORIZATION_SERVICE}/Check`

export interface CheckDependencies {
  /** The rules in force; `undefined` until each rule repository has been loaded once. */
  readonly snapshot: () => Snapshot | undefined
  /** Called in order for each decision, before Envoy gets it. */
  readonly onDecision: readonly DecisionListener[]
  /** Called with an unexpected error; `where` names this part of the service. */
  readonly onError: (where: string, error: unknown) => void
  /** Monotonic clock, ms. */
  readonly now: () => Instant
  readonly paths: PathMode
  /** How a subject is shown in dynamic metadata. */
  readonly showSubject: (subject: string) => string
  readonly overload: OverloadGuard
  /** Runs a decision inside a span; `undefined` where tracing is off. */
  readonly withSpan:
    | ((metadata: CallMetadata, run: () => Awaitable<Decision>) => Awaitable<Decision>)
    | undefined
}

/**
 * Time that writing and sending the response takes at most. Without it, Envoy times out before it gets our
 * 503.
 */
const RESPONSE_MARGIN_MS = millis(15)
/**
 * Longest time for a Check, whatever Envoy allows. Must be below the drain timeout, which has to answer all
 * open Checks.
 */
const MAX_CHECK_MS = millis(15_000)

/**
 * The handler of `CHECK_METHOD`. Neither throws nor rejects: an unexpected error is reported and answered
 * with a 500 denial.
 */
export function createCheckHandler(dependencies: CheckDependencies): UnaryHandler {
  const fail = (error: unknown): Buffer => {
    dependencies.onError('check', error)
    return INTERNAL_ERROR_RESPONSE
  }
  const { overload } = dependencies
  const end = (response: Buffer): Buffer => {
    overload.inProgress--
    return response
  }
  return call => {
    try {
      const response = overload.overloaded ? shed(dependencies, call) : handleCheck(dependencies, call)
      if (!(response instanceof Promise)) return response
      overload.inProgress++
      return response.catch(fail).then(end)
    } catch (error) {
      return fail(error)
    }
  }
}

/**
 * A denial before the request is decoded, which costs least. It is no gRPC error, because Envoy would answer
 * such an error with 403, or let the request pass where `failure_mode_allow` is set: a flood would open every
 * rule.
 */
function shed({ onDecision, showSubject }: CheckDependencies, { arrived }: UnaryCall): Buffer {
  const decision = denyWithoutRule(OVERLOADED)
  notifyListeners(onDecision, decision, undefined, arrived)
  return encodeDecision(decision, false, showSubject)
}

function handleCheck(dependencies: CheckDependencies, call: UnaryCall): Awaitable<Buffer> {
  const deadline = checkDeadline(call)
  const request = decodeCheckRequest(call.request, deadline, dependencies.paths)
  const decision = traceDecision(dependencies, call, request)
  if (decision instanceof Promise && request.kind === 'request') call.onCancel = () => request.cancel()
  const isGrpc = isGrpcRequest(request)
  return andThen(decision, decided => encodeDecision(decided, isGrpc, dependencies.showSubject))
}

/**
 * Decides inside a span where tracing is on. The listeners run inside it, too, because the access log has its
 * trace id.
 */
function traceDecision(
  dependencies: CheckDependencies,
  call: UnaryCall,
  request: CheckRequestView | Denial,
): Awaitable<Decision> {
  const { withSpan } = dependencies
  if (withSpan === undefined) return decideAndNotify(dependencies, request, call.arrived)
  return withSpan(call.metadata, () => decideAndNotify(dependencies, request, call.arrived))
}

function decideAndNotify(
  dependencies: CheckDependencies,
  request: CheckRequestView | Denial,
  arrived: Instant,
): Awaitable<Decision> {
  const { onDecision } = dependencies
  const view = request.kind === 'request' ? request : undefined
  return andThen(decideInTime(dependencies, request), decision => {
    notifyListeners(onDecision, decision, view, arrived)
    return decision
  })
}

/** The decision, or a 503 denial where it takes longer than the request's deadline allows. */
function decideInTime(
  { snapshot, now }: CheckDependencies,
  request: CheckRequestView | Denial,
): Awaitable<Decision> {
  if (request.kind === 'denial') return denyWithoutRule(request)
  const rules = snapshot()
  if (rules === undefined) return denyWithoutRule(RULES_NOT_LOADED)
  const progress = createDecisionProgress()
  const decision = decide(rules, request, progress)
  if (!(decision instanceof Promise)) return decision
  const remaining = millisBetween(now(), request.deadline)
  return withTimeout(decision, remaining, undefined).then(
    decided => decided ?? deadlineExceeded(rules, request, progress),
  )
}

/**
 * The earliest of `grpc-timeout`, Envoy's timeout of one try and `MAX_CHECK_MS`, less the response margin.
 * Retries do not extend it, because Envoy states the timeout of each try.
 */
function checkDeadline({ deadline, metadata, arrived }: UnaryCall): Instant {
  const tryTimeout = Number(metadata.get('x-envoy-expected-rq-timeout-ms'))
  const tryDeadline = plusMillis(arrived, tryTimeout > 0 ? millis(tryTimeout) : MAX_CHECK_MS)
  const latest =
    Math.min(tryDeadline, deadline ?? tryDeadline, plusMillis(arrived, MAX_CHECK_MS)) - RESPONSE_MARGIN_MS
  return Math.max(arrived, latest) as Instant
}

const isGrpcRequest = (request: CheckRequestView | Denial): boolean =>
  request.kind === 'request' && request.header('content-type')?.startsWith('application/grpc') === true
