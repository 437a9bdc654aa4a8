/** api/decisions — Oathkeeper's HTTP decision API: the same heart behind another door, for gateways without gRPC. Believes X-Forwarded-* only from peers that the configuration names. */
import { deadlineExceeded, decide, denyWithoutRule, RULES_NOT_LOADED } from '../access/decide.ts'
import { createDecisionProgress, type Decision } from '../access/decision.ts'
import type { Denial } from '../access/denial.ts'
import { validateOutgoingHeaders } from '../access/outgoing_headers.ts'
import type { Snapshot } from '../access/snapshot.ts'
import type { PathMode } from '../http/request_target.ts'
import { type Instant, millisBetween } from '../lib/time.ts'
import { withTimeout } from '../lib/with_timeout.ts'
import type { RecordDecision } from '../telemetry/access_log.ts'
import { type DecisionCall, readDecisionCall } from './decision_request.ts'
import { jsonErrorReply, type Reply } from './reply.ts'
import type { Route } from './server.ts'

export interface DecisionsDependencies {
  readonly snapshot: () => Snapshot | undefined
  readonly record: RecordDecision
  readonly now: () => Instant
  readonly paths: PathMode
  /** Is this peer one whose X-Forwarded-* describe the original request? */
  readonly isTrustedProxy: (address: string) => boolean
  /** Longest time for a decision, ms. */
  readonly timeoutMs: number
}

/** Bytes of a request body that the `remote` authorizer may want. */
const MAX_BODY_BYTES = 1024 * 1024

export function decisionsRoute(dependencies: DecisionsDependencies): Route {
  return async ({ path, message }) => {
    if (path !== '/decisions' && !path.startsWith('/decisions/')) return undefined
    const arrived = dependencies.now()
    const body = await readBody(message)
    if (body === undefined) return jsonErrorReply(413, 'The request body is too large')
    const deadline = (arrived + dependencies.timeoutMs) as Instant
    const call = readDecisionCall(message, body, deadline, dependencies.paths, dependencies.isTrustedProxy)
    const decision = validateOutgoingHeaders(await decideCall(call, dependencies, deadline))
    dependencies.record(decision, call.kind === 'call' ? call.request : undefined, arrived)
    return toReply(decision)
  }
}

async function decideCall(
  call: DecisionCall | Denial,
  { snapshot: currentSnapshot, now }: DecisionsDependencies,
  deadline: Instant,
): Promise<Decision> {
  if (call.kind === 'denial') return denyWithoutRule(call)
  const snapshot = currentSnapshot()
  if (snapshot === undefined) return denyWithoutRule(RULES_NOT_LOADED)
  const progress = createDecisionProgress()
  const pending = Promise.resolve(decide(snapshot, call.request, progress))
  return (await withTimeout(pending, millisBetween(now(), deadline), undefined)) ?? deadlineExceeded(progress)
}

async function readBody(message: AsyncIterable<Uint8Array>): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of message) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/** Text beyond ASCII travels as UTF-8, as it does through the other door. */
const toByteString = (value: string): string => Buffer.from(value).toString('latin1')

/** 200 with the headers for the upstream, else the refusal as the responder wrote it (spec 3.3, 3.4). */
function toReply(decision: Decision): Reply {
  const headers = decision.kind === 'allow' ? headersOfAllow(decision) : decision.headers
  const pairs = headers.map(({ name, value }) => [name, toByteString(value)] as const)
  return decision.kind === 'allow'
    ? { status: 200, headers: pairs, body: '' }
    : { status: decision.status, headers: pairs, body: decision.body }
}

/** Envoy's HTTP filter removes what the last header names; other gateways ignore it, and need their own list (docs). */
function headersOfAllow({ headers, remove, responseHeaders }: Decision & { readonly kind: 'allow' }) {
  const removal =
    remove.length === 0 ? [] : [{ name: 'x-envoy-auth-headers-to-remove', value: remove.join(',') }]
  return [...headers, ...responseHeaders, ...removal]
}
