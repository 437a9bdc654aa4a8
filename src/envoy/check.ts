/** envoy/check — the corridor of a Check: decode → decide → record → encode. Knows no rule; every way out of it is an answer. */
import { type Awaitable, after } from '../access/awaitable.ts'
import { decide, NOT_LOADED, tooLate, withoutRule } from '../access/decide.ts'
import { type Decision, nowhere } from '../access/decision.ts'
import { fitToLeave } from '../access/outgoing_headers.ts'
import type { Snapshot } from '../access/snapshot.ts'
import type { CallMetadata, UnaryCall, UnaryHandler } from '../grpc/server.ts'
import type { PathReading } from '../http/request_target.ts'
import { between, type Instant, later, millis } from '../lib/time.ts'
import { within } from '../lib/with_timeout.ts'
import type { RecordDecision } from '../telemetry/access_log.ts'
import { type CheckedRequest, decodeCheckRequest } from './decode.ts'
import { encodeDecision, PREPARED_500 } from './encode.ts'

export interface CheckParts {
  /** `undefined` until every rule repository has been loaded once. */
  readonly snapshot: () => Snapshot | undefined
  readonly record: RecordDecision
  readonly accident: (where: string, error: unknown) => void
  readonly now: () => Instant
  readonly paths: PathReading
  /** A span around the decision; absent when nothing is traced. */
  readonly around:
    | ((metadata: CallMetadata, run: () => Awaitable<Decision>) => Awaitable<Decision>)
    | undefined
}

/** Time to write the answer and for it to travel, so that Envoy still hears our 503 (F12). */
const TO_ANSWER = millis(15)
/** Whatever Envoy says: it must be shorter than the drain, which answers all that has arrived (Istio's own limit is 600 s). */
const LONGEST = millis(15_000)

/** Never throws, never rejects: the second catch point (architecture 4). */
export function createCheck(parts: CheckParts): UnaryHandler {
  return call =>
    after(
      undefined,
      () => corridor(parts, call),
      error => {
        parts.accident('check', error)
        return PREPARED_500
      },
    )
}

function corridor(parts: CheckParts, call: UnaryCall): Awaitable<Buffer> {
  const request = decodeCheckRequest(call.request, deadlineOf(call), parts.paths)
  const run = (): Awaitable<Decision> => {
    if (request.kind === 'denial') return withoutRule(request)
    const snapshot = parts.snapshot()
    if (snapshot === undefined) return withoutRule(NOT_LOADED)
    const where = nowhere()
    const decision = decide(snapshot, request, where)
    if (!(decision instanceof Promise)) return decision
    const left = between(parts.now(), request.deadline)
    return within(decision, left, undefined).then(decided => decided ?? tooLate(where))
  }
  const view = request.kind === 'request' ? request : undefined
  const finish = (decision: Decision): Decision => {
    const fit = fitToLeave(decision)
    parts.record(fit, view, call.arrived)
    return fit
  }
  const recorded = () => after(run(), finish)
  const decision = parts.around === undefined ? recorded() : parts.around(call.metadata, recorded)
  return after(decision, decided => encodeDecision(decided, isGrpc(view)))
}

/** The smaller of `grpc-timeout` and what Envoy says of one try, which retries do not lengthen (envoy-verified 7). */
function deadlineOf({ deadline, metadata, arrived }: UnaryCall): Instant {
  const stated = Number(metadata.get('x-envoy-expected-rq-timeout-ms'))
  const oneTry = later(arrived, stated > 0 ? millis(stated) : LONGEST)
  const end = Math.min(oneTry, deadline ?? oneTry, later(arrived, LONGEST)) - TO_ANSWER
  return Math.max(arrived, end) as Instant
}

const isGrpc = (request: CheckedRequest | undefined): boolean =>
  request?.header('content-type')?.startsWith('application/grpc') === true
