/** Denials as values: why a request is denied, and with which HTTP status. Responders render them. */
import type { Annotations, Header } from './session.ts'

export type DenialStatus = 400 | 401 | 403 | 404 | 429 | 431 | 500 | 503 | 504

/**
 * Why a request was denied. A closed set: metrics, the access log and docs/operations.md use exactly these.
 */
export type ReasonCode =
  | 'bad_request'
  | 'headers_too_large'
  | 'no_rule'
  | 'several_rules'
  | 'rules_not_loaded'
  | 'rule_misconfigured'
  | 'no_authenticator_responsible'
  | 'no_credential'
  | 'ambiguous_credential'
  | 'credential_rejected'
  | 'second_factor_required'
  | 'reauthentication_required'
  | 'scope_missing'
  | 'forbidden'
  | 'rate_limited'
  | 'unavailable'
  | 'overloaded'
  | 'deadline'
  | 'bad_answer'
  | 'template'
  | 'internal'

/** A denial. `message` and `reason` never contain a credential, so a responder may show them. */
export interface Denial {
  readonly kind: 'denial'
  readonly status: DenialStatus
  readonly code: ReasonCode
  /** Oathkeeper's message for this denial. Verbose responders show it. */
  readonly message: string
  /** Details, for the access log and verbose responders; empty without any. */
  readonly reason: string
  /** Headers of each response to this denial, whichever responder renders it: Retry-After, rate limits. */
  readonly headers: readonly Header[]
  /** What a responder may need beyond the status, for example the URL of a login flow. */
  readonly hints?: DenialHints
  /** The exception behind it, for the log only: its text may quote the request. */
  readonly cause?: unknown
  /** For the access log, the span and metrics. */
  readonly annotations?: Annotations
}

export interface DenialHints {
  /** Challenge for `WWW-Authenticate` of a bearer token (RFC 9470, RFC 6750). */
  readonly wwwAuthenticate?: string
  /** Absolute URL of the login flow that can lift this denial, without `return_to`. */
  readonly loginUrl?: string
  /**
   * Query parameters for Kratos' login flow. Without them, it redirects a user who has a session back at
   * once.
   */
  readonly loginQuery?: Readonly<Record<string, string>>
  /**
   * The account has no second factor, so that a login flow cannot ask for one. The user must set one up
   * first.
   */
  readonly enrollmentRequired?: true
}

/** Optional parts of a denial. `message` replaces the constructor's. */
export interface DenialDetails {
  readonly reason?: string
  readonly message?: string
  readonly headers?: readonly Header[]
  readonly hints?: DenialHints
  readonly cause?: unknown
  readonly annotations?: Annotations
}

/** A denial of any status. Prefer the constructors below, which have Oathkeeper's messages. */
export function denial(
  status: DenialStatus,
  code: ReasonCode,
  message: string,
  details: DenialDetails = {},
): Denial {
  return {
    kind: 'denial',
    status,
    code,
    message: details.message ?? message,
    reason: details.reason ?? '',
    headers: details.headers ?? [],
    ...(details.hints === undefined ? {} : { hints: details.hints }),
    ...(details.cause === undefined ? {} : { cause: details.cause }),
    ...(details.annotations === undefined ? {} : { annotations: details.annotations }),
  }
}

/** A copy of the denial with other annotations. */
export const withAnnotations = (denied: Denial, annotations: Annotations): Denial => ({
  ...denied,
  annotations,
})

interface InvalidLine {
  readonly status: 400 | 431
  readonly reason: string
}

/** 400. */
export const badRequest = (reason: string): Denial =>
  denial(400, 'bad_request', 'The request was malformed or contained invalid parameters', { reason })

/** The denial of an invalid request line (`http/request_line`): 431 for too many headers, else 400. */
export const rejectRequestLine = ({ status, reason }: InvalidLine): Denial =>
  status === 431 ? denial(431, 'headers_too_large', 'The request has too many headers') : badRequest(reason)

/** 401: the client has no valid credential. */
export const unauthorized = (code: ReasonCode, details?: DenialDetails): Denial =>
  denial(401, code, 'Access credentials are invalid', details)

/** 403: the credential is valid and does not suffice. */
export const forbidden = (code: ReasonCode, details?: DenialDetails): Denial =>
  denial(403, code, 'Access credentials are not sufficient to access this resource', details)

/** 404: no rule matches. */
export const noRule = (): Denial => denial(404, 'no_rule', 'Requested url does not match any rules')

/** 500: several rules match, and the match policy rejects that. `ids` are those of the rules. */
export const multipleRules = (ids: readonly string[]): Denial =>
  denial(500, 'several_rules', 'Expected exactly one rule but found multiple rules', {
    reason: `matching rules: ${ids.join(', ')}`,
  })

/** 429: an upstream limits the client's rate. */
export const rateLimited = (details?: DenialDetails): Denial =>
  denial(429, 'rate_limited', 'Too many requests', details)

/**
 * 500: the rule has an unknown, disabled or invalid handler. `kind` names what it is in Oathkeeper's message.
 */
export const misconfigured = (kind: string, reason: string): Denial =>
  denial(500, 'rule_misconfigured', `${kind} matching this route is misconfigured or disabled`, { reason })

/** 500: Credence or the rule fails, for example a template. */
export const internalError = (code: ReasonCode, reason: string, cause?: unknown): Denial =>
  denial(500, code, reason, { cause })

/**
 * 503: Credence could not find out whether the request is allowed, for example because Kratos is down. Never
 * 401, because a client would then discard a valid session. Has a Retry-After header, of 1 s unless
 * `retryAfterSeconds` is set.
 */
export const unavailable = (
  reason: string,
  details: DenialDetails & { retryAfterSeconds?: number } = {},
): Denial =>
  denial(503, 'unavailable', 'The service is unavailable', {
    reason,
    ...details,
    headers: [
      { name: 'retry-after', value: String(details.retryAfterSeconds ?? 1) },
      ...(details.headers ?? []),
    ],
  })
