/** api/decisions — Oathkeeper's HTTP decision API: the same heart behind another door, for gateways without gRPC. Believes X-Forwarded-* only from peers that the configuration names. */
import { decide, NOT_LOADED, tooLate, withoutRule } from '../access/decide.ts'
import { type Decision, nowhere } from '../access/decision.ts'
import type { Denial } from '../access/denial.ts'
import { fitToLeave } from '../access/outgoing_headers.ts'
import type { Snapshot } from '../access/snapshot.ts'
import type { PathReading } from '../http/request_target.ts'
import { between, type Instant } from '../lib/time.ts'
import { within } from '../lib/with_timeout.ts'
import type { RecordDecision } from '../telemetry/access_log.ts'
import { type DecisionCall, readDecisionCall } from './decision_call.ts'
import { jsonError, type Reply } from './reply.ts'
import type { Route } from './server.ts'

export interface DecisionsParts {
  readonly snapshot: () => Snapshot | undefined
  readonly record: RecordDecision
  readonly now: () => Instant
  readonly paths: PathReading
  /** Is this peer one whose X-Forwarded-* describe the original request? */
  readonly trusted: (address: string) => boolean
  /** Longest time for a decision, ms. */
  readonly budget: number
}

/** Bytes of a request body that the `remote` authorizer may want. */
const LARGEST_BODY = 1024 * 1024

export function decisionsRoute(parts: DecisionsParts): Route {
  return async ({ path, message }) => {
    if (path !== '/decisions' && !path.startsWith('/decisions/')) return undefined
    const arrived = parts.now()
    const body = await readBody(message)
    if (body === undefined) return jsonError(413, 'The request body is too large')
    const deadline = (arrived + parts.budget) as Instant
    const call = readDecisionCall(message, body, deadline, parts.paths, parts.trusted)
    const decision = fitToLeave(await decisionOn(call, parts, deadline))
    parts.record(decision, call.kind === 'call' ? call.request : undefined, arrived)
    return replyOf(decision)
  }
}

async function decisionOn(
  call: DecisionCall | Denial,
  { snapshot: current, now }: DecisionsParts,
  deadline: Instant,
): Promise<Decision> {
  if (call.kind === 'denial') return withoutRule(call)
  const snapshot = current()
  if (snapshot === undefined) return withoutRule(NOT_LOADED)
  const where = nowhere()
  const decided = Promise.resolve(decide(snapshot, call.request, where))
  return (await within(decided, between(now(), deadline), undefined)) ?? tooLate(where)
}

async function readBody(message: AsyncIterable<Uint8Array>): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of message) {
    size += chunk.length
    if (size > LARGEST_BODY) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

/** Text beyond ASCII travels as UTF-8, as it does through the other door. */
const onWire = (value: string): string => Buffer.from(value).toString('latin1')

/** 200 with the headers for the upstream, else the refusal as the responder wrote it (spec 3.3, 3.4). */
function replyOf(decision: Decision): Reply {
  const headers = decision.kind === 'allow' ? allowHeaders(decision) : decision.headers
  const pairs = headers.map(({ name, value }) => [name, onWire(value)] as const)
  return decision.kind === 'allow'
    ? { status: 200, headers: pairs, body: '' }
    : { status: decision.status, headers: pairs, body: decision.body }
}

/** Envoy's HTTP filter removes what the last header names; other gateways ignore it, and need their own list (docs). */
function allowHeaders({ headers, remove, responseHeaders }: Decision & { readonly kind: 'allow' }) {
  const removal =
    remove.length === 0 ? [] : [{ name: 'x-envoy-auth-headers-to-remove', value: remove.join(',') }]
  return [...headers, ...responseHeaders, ...removal]
}
