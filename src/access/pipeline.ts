/** access/pipeline — three shapes of function, and how they are run one after another. Knows no handler by name. */
import { type Awaitable, andThen } from './awaitable.ts'
import { type Denial, unauthorized } from './denial.ts'
import type { RequestView } from './request.ts'
import type { Header, Identity, Session } from './session.ts'

/** "Not mine, ask the next one": a third answer, never to be confused with "no". */
export interface NotResponsible {
  readonly kind: 'not responsible'
}
export const NOT_RESPONSIBLE: NotResponsible = Object.freeze({ kind: 'not responsible' })

export type Authenticate = (request: RequestView) => Awaitable<Identity | NotResponsible | Denial>
/** Authorizers and mutators alike: hand the session on, or refuse. */
export type Step = (session: Session) => Awaitable<Session | Denial>
/** A refusal in the form that the client sees. */
export type Respond = (denial: Denial, request: RequestView) => DenialResponse

export interface DenialResponse {
  readonly status: number
  readonly headers: readonly Header[]
  readonly body: string
}

/** A compiled handler; the id is for trail, log and span. */
export interface Stage<F> {
  readonly id: string
  readonly run: F
}

export interface Responder {
  readonly id: string
  readonly when: (denial: Denial, request: RequestView) => boolean
  readonly respond: Respond
}

/** Who refused, beside the refusal. */
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

/** The first responsible authenticator decides (spec 3.2); none: 401. */
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

/** Authorizer, then mutators, in order; the first refusal ends the walk. */
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
