/** access/pipeline — three shapes of function, and how they are run one after another. Knows no handler by name. */
import { type Awaitable, after } from './awaitable.ts'
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
export type Respond = (denial: Denial, request: RequestView) => Answer

export interface Answer {
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
export interface Refused {
  readonly kind: 'refused'
  readonly by: string
  readonly denial: Denial
}
export interface Authenticated {
  readonly kind: 'authenticated'
  readonly by: string
  readonly identity: Identity
}

const refused = (by: string, denial: Denial): Refused => ({ kind: 'refused', by, denial })

/** The first responsible authenticator decides (spec 3.2); none: 401. */
export function authenticate(
  stages: readonly Stage<Authenticate>[],
  request: RequestView,
  from = 0,
): Awaitable<Authenticated | Refused> {
  const stage = stages[from]
  if (stage === undefined) return refused('', unauthorized('no_authenticator_responsible'))
  return after(stage.run(request), (outcome): Awaitable<Authenticated | Refused> => {
    switch (outcome.kind) {
      case 'identity':
        return { kind: 'authenticated', by: stage.id, identity: outcome }
      case 'denial':
        return refused(stage.id, outcome)
      case 'not responsible':
        return authenticate(stages, request, from + 1)
    }
  })
}

/** Authorizer, then mutators, in order; the first refusal ends the walk. */
export function follow(
  steps: readonly Stage<Step>[],
  session: Session,
  from = 0,
): Awaitable<Session | Refused> {
  const step = steps[from]
  if (step === undefined) return session
  return after(step.run(session), (outcome): Awaitable<Session | Refused> => {
    if (outcome.kind === 'denial') return refused(step.id, outcome)
    return follow(steps, outcome, from + 1)
  })
}
