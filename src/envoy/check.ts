/** envoy/check — the corridor of a Check: decode → decide → record → encode. Knows no rule; every way out of it is an answer. */
import { type Awaitable, andThen } from '../access/awaitable.ts'
import { deadlineExceeded, decide, denyWithoutRule, RULES_NOT_LOADED } from '../access/decide.ts'
import { createDecisionProgress, type Decision } from '../access/decision.ts'
import { validateOutgoingHeaders } from '../access/outgoing_headers.ts'
import type { Snapshot } from '../access/snapshot.ts'
import type { CallMetadata, UnaryCall, UnaryHandler } from '../grpc/server.ts'
import type { PathMode } from '../http/request_target.ts'
import { type Instant, millis, millisBetween, plusMillis } from '../lib/time.ts'
import { withTimeout } from '../lib/with_timeout.ts'
import type { RecordDecision } from '../telemetry/access_log.ts'
import { type CheckRequestView, decodeCheckRequest } from './check_request.ts'
import { encodeDecision, INTERNAL_ERROR_RESPONSE } from './check_response.ts'

export interface CheckDependencies {
  /** `undefined` until every rule repository has been loaded once. */
  readonly snapshot: () => Snapshot | undefined
  readonly record: RecordDecision
  readonly onError: (where: string, error: unknown) => void
  readonly now: () => Instant
  readonly paths: PathMode
  /** A span around the decision; absent when nothing is traced. */
  readonly withSpan:
    | ((metadata: CallMetadata, run: () => Awaitable<Decision>) => Awaitable<Decision>)
    | undefined
}

/** Time to write the answer and for it to travel, so that Envoy still hears our 503 (F12). */
const RESPONSE_MARGIN_MS = millis(15)
/** Whatever Envoy says: it must be shorter than the drain, which answers all that has arrived (Istio's own limit is 600 s). */
const MAX_CHECK_MS = millis(15_000)

/** Never throws, never rejects: the second catch point (architecture 4). */
export function createCheckHandler(dependencies: CheckDependencies): UnaryHandler {
  return call =>
    andThen(
      undefined,
      () => handleCheck(dependencies, call),
      error => {
        dependencies.onError('check', error)
        return INTERNAL_ERROR_RESPONSE
      },
    )
}

function handleCheck(dependencies: CheckDependencies, call: UnaryCall): Awaitable<Buffer> {
  const request = decodeCheckRequest(call.request, checkDeadline(call), dependencies.paths)
  const run = (): Awaitable<Decision> => {
    if (request.kind === 'denial') return denyWithoutRule(request)
    const snapshot = dependencies.snapshot()
    if (snapshot === undefined) return denyWithoutRule(RULES_NOT_LOADED)
    const progress = createDecisionProgress()
    const decision = decide(snapshot, request, progress)
    if (!(decision instanceof Promise)) return decision
    const remaining = millisBetween(dependencies.now(), request.deadline)
    return withTimeout(decision, remaining, undefined).then(decided => decided ?? deadlineExceeded(progress))
  }
  const view = request.kind === 'request' ? request : undefined
  const finish = (decision: Decision): Decision => {
    const validated = validateOutgoingHeaders(decision)
    dependencies.record(validated, view, call.arrived)
    return validated
  }
  const recorded = () => andThen(run(), finish)
  const decision =
    dependencies.withSpan === undefined ? recorded() : dependencies.withSpan(call.metadata, recorded)
  return andThen(decision, decided => encodeDecision(decided, isGrpcRequest(view)))
}

/** The smaller of `grpc-timeout` and what Envoy says of one try, which retries do not lengthen (envoy-verified 7). */
function checkDeadline({ deadline, metadata, arrived }: UnaryCall): Instant {
  const envoyTimeout = Number(metadata.get('x-envoy-expected-rq-timeout-ms'))
  const tryDeadline = plusMillis(arrived, envoyTimeout > 0 ? millis(envoyTimeout) : MAX_CHECK_MS)
  const latest =
    Math.min(tryDeadline, deadline ?? tryDeadline, plusMillis(arrived, MAX_CHECK_MS)) - RESPONSE_MARGIN_MS
  return Math.max(arrived, latest) as Instant
}

const isGrpcRequest = (request: CheckRequestView | undefined): boolean =>
  request?.header('content-type')?.startsWith('application/grpc') === true
