/** The types of compiled handlers, and how a rule's handlers run one after another. */
import { type Awaitable, andThen } from './awaitable.ts'
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
 * Runs the authenticators from `index` on. The first that applies decides; if none applies, the request is
 * denied with 401.
 */
export function authenticate(
  stages: readonly Stage<Authenticate>[],
  request: RequestView,
  index = 0,
): Awaitable<Authentication | Refusal> {
  const stage = stages[index]
  if (stage === undefined) return refusal('', unauthorized('no_authenticator_responsible'))
  return andThen(stage.run(request), (outcome): Awaitable<Authentication | Refusal> => {
    switch (outcome.kind) {
      case 'identity':
        return { kind: 'authenticated', handlerId: stage.id, identity: outcome }
      case 'denial':
        return refusal(stage.id, outcome)
      case 'not responsible':
        return authenticate(stages, request, index + 1)
    }
  })
}

/** Runs the authorizers and mutators from `index` on, in order. The first denial ends the run. */
export function runSteps(
  steps: readonly Stage<Step>[],
  session: Session,
  index = 0,
): Awaitable<Session | Refusal> {
  const step = steps[index]
  if (step === undefined) return session
  return andThen(step.run(session), (outcome): Awaitable<Session | Refusal> => {
    if (outcome.kind === 'denial') return refusal(step.id, outcome)
    return runSteps(steps, outcome, index + 1)
  })
}
