/** Denials as values: why a request is denied, and with which HTTP status. Responders render them. */
import type { InvalidRequestLine } from '../http/request_line.ts'
import type { Annotations, Header } from './session.ts'

export type DenialStatus = 400 | 401 | 403 | 404 | 429 | 431 | 500 | 503 | 504

/** Closed set: metrics, logs and docs list exactly these (docs/operations.md). */
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
  | 'deadline'
  | 'bad_answer'
  | 'template'
  | 'internal'

/** `message` and `reason` are safe to show and never contain a credential; `cause` is for the log and never for the wire. */
export interface Denial {
  readonly kind: 'denial'
  readonly status: DenialStatus
  readonly code: ReasonCode
  /** Oathkeeper's message for this situation (spec 3.5); shown in verbose mode. */
  readonly message: string
  /** One more sentence, shown in verbose mode; empty when there is nothing to add. */
  readonly reason: string
  /** Headers that every form of the answer carries: Retry-After, rate limits. */
  readonly headers: readonly Header[]
  /** What the responder may need beyond the status, e.g. where a second factor is asked for. */
  readonly hints?: DenialHints
  readonly cause?: unknown
  /** How it came about, for log line, span and metric. */
  readonly annotations?: Annotations
}

export interface DenialHints {
  /** Challenge for `WWW-Authenticate` of a bearer token (RFC 9470, RFC 6750). */
  readonly wwwAuthenticate?: string
  /** Absolute URL of the login flow that can lift this denial, without `return_to`. */
  readonly loginUrl?: string
  /** What a login flow of Kratos must be asked for, so that it does not send whoever has a session straight back (kratos 6.1). */
  readonly login?: Readonly<Record<string, string>>
  /** The account has nothing that a login flow could ask for: it must be set up first. */
  readonly enrol?: true
}

export interface DenialDetails {
  readonly reason?: string
  readonly message?: string
  readonly headers?: readonly Header[]
  readonly hints?: DenialHints
  readonly cause?: unknown
  readonly annotations?: Annotations
}

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

/** The same refusal with how it came about. */
export const withAnnotations = (denied: Denial, annotations: Annotations): Denial => ({
  ...denied,
  annotations,
})

export const badRequest = (reason: string): Denial =>
  denial(400, 'bad_request', 'The request was malformed or contained invalid parameters', { reason })

/** The denial of a request line that is not valid: 431 for too many headers, else 400. */
export const rejectRequestLine = ({ status, reason }: InvalidRequestLine): Denial =>
  status === 431 ? denial(431, 'headers_too_large', 'The request has too many headers') : badRequest(reason)

export const unauthorized = (code: ReasonCode, details?: DenialDetails): Denial =>
  denial(401, code, 'Access credentials are invalid', details)

export const forbidden = (code: ReasonCode, details?: DenialDetails): Denial =>
  denial(403, code, 'Access credentials are not sufficient to access this resource', details)

export const noRule = (): Denial => denial(404, 'no_rule', 'Requested url does not match any rules')

export const multipleRules = (ids: readonly string[]): Denial =>
  denial(500, 'several_rules', 'Expected exactly one rule but found multiple rules', {
    reason: `matching rules: ${ids.join(', ')}`,
  })

export const rateLimited = (details?: DenialDetails): Denial =>
  denial(429, 'rate_limited', 'Too many requests', details)

export const misconfigured = (kind: string, reason: string): Denial =>
  denial(500, 'rule_misconfigured', `${kind} matching this route is misconfigured or disabled`, { reason })

export const internalError = (code: ReasonCode, reason: string, cause?: unknown): Denial =>
  denial(500, code, reason, { cause })

/** "I could not find out": never 401, always with Retry-After (seconds). */
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
