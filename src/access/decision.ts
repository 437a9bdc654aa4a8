/** The two kinds of decision, allow and deny. `grant` is the only function that makes an allow. */
import type { Denial, ReasonCode } from './denial.ts'
import type { DenialResponse } from './pipeline.ts'
import type { Annotations, Header, Session } from './session.ts'

/** How a decision came about: for the access log, metrics and the span, never for the client. */
export interface DecisionMetadata {
  /** Revision of the rule set that decided; empty where no rule was looked up. */
  readonly revision: string
  /** Id of the matching rule; empty without one. */
  readonly rule: string
  /** Id of the authenticator that applied; empty without one. */
  readonly authenticator: string
  /** Whom the authenticator found; empty without one. */
  readonly subject: string
  /** Id of the handler that denied; empty on allow and where no handler denied. */
  readonly refusedBy: string
  readonly code: ReasonCode | 'ok'
  /** The denial's reason, or its message without one; empty on allow. */
  readonly reason: string
  /** What rendered the denial, see `DenialResponse.errorHandler`; empty on allow. */
  readonly errorHandler: string
  /** The exception behind a denial. Its text may quote the request. */
  readonly cause?: unknown
  readonly annotations: Annotations
}

export interface Allow {
  readonly kind: 'allow'
  /** To set on the request; they replace values that the client sent. */
  readonly headers: readonly Header[]
  /**
   * To remove from the request: headers that some rule can set and that this request's rule did not.
   * Otherwise a client could send such a header itself, and the upstream would trust it.
   */
  readonly remove: readonly string[]
  /** For the client, on the response to this request only. */
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

/** Headers that clients send legitimately. They are not removed where a rule can set them and did not. */
const CLIENT_CONTROLLED_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie'])

/**
 * Allows a request. Strips identity headers that a client may spoof: `remove` becomes `headers_to_remove`.
 * `settableHeaders` are the lower-case names of all headers that any rule can set.
 */
export function grant(
  session: Session,
  { revision, rule, authenticator }: Readonly<DecisionProgress>,
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
      revision,
      rule,
      authenticator,
      subject: session.subject,
      refusedBy: '',
      code: 'ok',
      reason: '',
      errorHandler: '',
      annotations: session.annotations,
    },
  }
}

/** How far the evaluation of a request has come; filled on the way. */
export interface DecisionProgress {
  revision: string
  rule: string
  authenticator: string
  subject: string
  refusedBy: string
}
/** The progress before a rule is found. */
export const createDecisionProgress = (): DecisionProgress => ({
  revision: '',
  rule: '',
  authenticator: '',
  subject: '',
  refusedBy: '',
})

/** Denies a request with a rendered response, to which the headers of the denial are added. */
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
      errorHandler: response.errorHandler ?? 'built_in',
      ...(denial.cause === undefined ? {} : { cause: denial.cause }),
      annotations: denial.annotations ?? NO_ANNOTATIONS,
    },
  }
}

const NO_ANNOTATIONS: Annotations = Object.freeze({})
