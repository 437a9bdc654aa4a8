/** Oathkeeper's HTTP decision API (`/decisions`), for gateways that do not speak Envoy's ext_authz. */
import { deadlineExceeded, decide, denyWithoutRule, OVERLOADED, RULES_NOT_LOADED } from '../access/decide.ts'
import { type Allow, createDecisionProgress, type Decision } from '../access/decision.ts'
import { type DecisionListener, notifyListeners } from '../access/decision_listener.ts'
import type { Denial } from '../access/denial.ts'
import type { OverloadGuard } from '../access/overload.ts'
import type { Header } from '../access/session.ts'
import type { Snapshot } from '../access/snapshot.ts'
import type { PathMode } from '../http/request_target.ts'
import { type Instant, millisBetween } from '../lib/time.ts'
import { withTimeout } from '../lib/with_timeout.ts'
import { type CallPart, type DecisionRequest, readDecisionRequest } from './decision_request.ts'
import { bodyTooLargeReply, type Reply } from './reply.ts'
import { readBody } from './request_body.ts'
import type { Route } from './server.ts'

export interface DecisionsDependencies {
  /** The rules in force; `undefined` until each rule repository has been loaded once. */
  readonly snapshot: () => Snapshot | undefined
  /** Called in order for each decision, before the gateway gets it. */
  readonly onDecision: readonly DecisionListener[]
  /** Monotonic clock, ms. */
  readonly now: () => Instant
  readonly paths: PathMode
  readonly overload: OverloadGuard
  /** Whether the `X-Forwarded-*` headers of a peer with this IP address describe the original request. */
  readonly isTrustedProxy: (address: string) => boolean
  /** Parts that `X-Forwarded-*` may state differently from a call in direct mode. */
  readonly directOverrides: ReadonlySet<CallPart>
  /** Longest time for a decision, ms. */
  readonly timeoutMs: number
}

/** Longest request body. The `remote` authorizer sends the body on. */
const MAX_BODY_BYTES = 1024 * 1024

/** Answers `/decisions` and all paths below it, whatever the method. */
export function decisionsRoute(dependencies: DecisionsDependencies): Route {
  const { now, timeoutMs, paths, isTrustedProxy, directOverrides } = dependencies
  const { overload } = dependencies
  return async ({ path, message }) => {
    if (path !== '/decisions' && !path.startsWith('/decisions/')) return undefined
    const arrived = now()
    if (overload.overloaded) {
      const decision = denyWithoutRule(OVERLOADED)
      notifyListeners(dependencies.onDecision, decision, undefined, arrived)
      return toReply(decision)
    }
    const body = await readBody(message, MAX_BODY_BYTES)
    if (body === undefined) return bodyTooLargeReply()
    const deadline = (arrived + timeoutMs) as Instant
    const request = readDecisionRequest(message, { body, deadline, paths, isTrustedProxy, directOverrides })
    // Counted without the time of the body, which a client could draw out to keep others away.
    overload.inProgress++
    const decision = await decideInTime(dependencies, request).finally(() => overload.inProgress--)
    const view = request.kind === 'request' ? request : undefined
    notifyListeners(dependencies.onDecision, decision, view, arrived)
    return toReply(decision)
  }
}

/** The decision, or a 503 denial where it takes longer than the request's deadline allows. */
async function decideInTime(
  { snapshot, now }: DecisionsDependencies,
  request: DecisionRequest | Denial,
): Promise<Decision> {
  if (request.kind === 'denial') return denyWithoutRule(request)
  const rules = snapshot()
  if (rules === undefined) return denyWithoutRule(RULES_NOT_LOADED)
  const progress = createDecisionProgress()
  const pending = Promise.resolve(decide(rules, request, progress))
  const remaining = millisBetween(now(), request.deadline)
  return (await withTimeout(pending, remaining, undefined)) ?? deadlineExceeded(rules, request, progress)
}

/** 200 with the headers for the upstream, or the denial as its responder renders it. */
function toReply(decision: Decision): Reply {
  if (decision.kind === 'deny') {
    return { status: decision.status, headers: decision.headers.map(toPair), body: decision.body }
  }
  return { status: 200, headers: headersOfAllow(decision).map(toPair), body: '' }
}

/** Node writes header values as Latin-1; this makes it write UTF-8, which Envoy gets from a Check, too. */
const toPair = ({ name, value }: Header) => [name, Buffer.from(value).toString('latin1')] as const

/**
 * Envoy's HTTP filter removes the headers that `x-envoy-auth-headers-to-remove` names. Other gateways ignore
 * it and need a list of their own.
 */
function headersOfAllow({ headers, remove, responseHeaders }: Allow): readonly Header[] {
  const removal =
    remove.length === 0 ? [] : [{ name: 'x-envoy-auth-headers-to-remove', value: remove.join(',') }]
  return [...headers, ...responseHeaders, ...removal]
}
