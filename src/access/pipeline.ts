/** The types of compiled handlers, and how a rule's handlers run one after another. */
import type { Awaitable } from './awaitable.ts'
import { type Denial, unauthorized } from './denial.ts'
import type { RequestView } from './request.ts'
import type { Header, Identity, Session } from './session.ts'

/** An authenticator does not apply to the request, so the next one is tried. It is not a denial. */
export interface NotResponsible {
  readonly kind: 'not responsible'
}
export const NOT_RESPONSIBLE: NotResponsible = Object.freeze({ kind: 'not responsible' })

export type Authenticate = (request: RequestView) => Awaitable<Identity | NotResponsible | Denial>
/** Authorizers and mutators: return the session for the next step, or deny. */
export type Step = (session: Session) => Awaitable<Session | Denial>
/** Renders a denial as the response that the client gets. */
export type Respond = (denial: Denial, request: RequestView) => DenialResponse

export interface DenialResponse {
  readonly status: number
  readonly headers: readonly Header[]
  readonly body: string
  /**
   * Id of the error handler that rendered it; `page` for the HTML of `errors.pages`. Three other values say why none
   * did: `several_match` and `none_matches` of the rule's `when` conditions, `misconfigured`. Absent: Credence's
   * built-in response.
   */
  readonly errorHandler?: string
}

/** A compiled handler; its id is for the access log and the span. */
export interface Stage<F> {
  readonly id: string
  readonly run: F
}

export interface Responder {
  readonly id: string
  readonly when: (denial: Denial, request: RequestView) => boolean
  readonly respond: Respond
}

/** A denial, and the id of the handler that denied; the id is empty where no authenticator applied. */
export interface Refusal {
  readonly kind: 'refused'
  readonly handlerId: string
  readonly denial: Denial
}
export interface Authentication {
  readonly kind: 'authenticated'
  readonly handlerId: string
  readonly identity: Identity
}

const refusal = (handlerId: string, denial: Denial): Refusal => ({ kind: 'refused', handlerId, denial })

/**
 * Runs the authenticators from `from` on. The first that applies decides; if none applies, the request is
 * denied with 401. Synchronous unless an authenticator returns a promise.
 */
export function authenticate(
  stages: readonly Stage<Authenticate>[],
  request: RequestView,
  from = 0,
): Awaitable<Authentication | Refusal> {
  for (let index = from; index < stages.length; index++) {
    const { id, run } = stages[index] as Stage<Authenticate>
    const outcome = run(request)
    if (outcome instanceof Promise) {
      return outcome.then(settled => conclude(id, settled) ?? authenticate(stages, request, index + 1))
    }
    const conclusion = conclude(id, outcome)
    if (conclusion !== undefined) return conclusion
  }
  return refusal('', unauthorized('no_authenticator_responsible'))
}

/** `undefined` where the authenticator does not apply. */
function conclude(
  handlerId: string,
  outcome: Identity | NotResponsible | Denial,
): Authentication | Refusal | undefined {
  switch (outcome.kind) {
    case 'identity':
      return { kind: 'authenticated', handlerId, identity: outcome }
    case 'denial':
      return refusal(handlerId, outcome)
    case 'not responsible':
      return undefined
  }
}

/**
 * Runs the authorizers and mutators from `from` on, in order. The first denial ends the run. Synchronous
 * unless a step returns a promise.
 */
export function runSteps(
  steps: readonly Stage<Step>[],
  session: Session,
  from = 0,
): Awaitable<Session | Refusal> {
  let current = session
  for (let index = from; index < steps.length; index++) {
    const { id, run } = steps[index] as Stage<Step>
    const outcome = run(current)
    if (outcome instanceof Promise) {
      return outcome.then(settled =>
        settled.kind === 'denial' ? refusal(id, settled) : runSteps(steps, settled, index + 1),
      )
    }
    if (outcome.kind === 'denial') return refusal(id, outcome)
    current = outcome
  }
  return current
}
