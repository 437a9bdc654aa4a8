/** access/decision — the two products of the house. `grant` is the only maker of an allow. */
import type { Denial, ReasonCode } from './denial.ts'
import type { DenialResponse } from './pipeline.ts'
import type { Annotations, Header, Session } from './session.ts'

/** How the decision came about, for log line, metrics and span; never for the client. */
export interface DecisionMetadata {
  /** Id of the matching rule; empty where none was found. */
  readonly rule: string
  /** Id of the responsible authenticator; empty where none was. */
  readonly authenticator: string
  /** Id of the handler that refused; empty on allow and where the house itself refused. */
  readonly refusedBy: string
  readonly code: ReasonCode | 'ok'
  /** The denial's reason, for the log; empty on allow. */
  readonly reason: string
  readonly cause?: unknown
  readonly annotations: Annotations
}

export interface Allow {
  readonly kind: 'allow'
  /** To set on the request, replacing what the client sent. */
  readonly headers: readonly Header[]
  /** To remove from the request: what a rule may write and this one did not (D1b). */
  readonly remove: readonly string[]
  /** For the client, on this answer only. */
  readonly responseHeaders: readonly Header[]
  readonly metadata: DecisionMetadata
}

export interface Deny {
  readonly kind: 'deny'
  readonly status: number
  readonly headers: readonly Header[]
  readonly body: string
  readonly metadata: DecisionMetadata
}

export type Decision = Allow | Deny

/** The client's own to send, also where a rule may write them (architecture 13.3). */
const CLIENT_CONTROLLED_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie'])

export function grant(
  session: Session,
  rule: string,
  authenticator: string,
  settableHeaders: ReadonlySet<string>,
): Allow {
  const remove: string[] = []
  for (const name of settableHeaders) {
    if (!CLIENT_CONTROLLED_HEADERS.has(name) && !session.headers.some(header => header.name === name))
      remove.push(name)
  }
  return {
    kind: 'allow',
    headers: session.headers,
    remove,
    responseHeaders: session.responseHeaders,
    metadata: {
      rule,
      authenticator,
      refusedBy: '',
      code: 'ok',
      reason: '',
      annotations: session.annotations,
    },
  }
}

/** How far a decision has come; filled on the way. */
export interface DecisionProgress {
  rule: string
  authenticator: string
  refusedBy: string
}
export const createDecisionProgress = (): DecisionProgress => ({ rule: '', authenticator: '', refusedBy: '' })

export function refuse(response: DenialResponse, denial: Denial, progress: Readonly<DecisionProgress>): Deny {
  return {
    kind: 'deny',
    status: response.status,
    headers: [...denial.headers, ...response.headers],
    body: response.body,
    metadata: {
      ...progress,
      code: denial.code,
      reason: denial.reason === '' ? denial.message : denial.reason,
      ...(denial.cause === undefined ? {} : { cause: denial.cause }),
      annotations: denial.annotations ?? NO_ANNOTATIONS,
    },
  }
}

const NO_ANNOTATIONS: Annotations = Object.freeze({})
