/** access/denial — a refusal, as a value. Knows no status line, no body: a responder writes those. */
import type { Header, Notes } from './session.ts'

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
  readonly notes?: Notes
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

export interface DenialParts {
  readonly reason?: string
  readonly message?: string
  readonly headers?: readonly Header[]
  readonly hints?: DenialHints
  readonly cause?: unknown
  readonly notes?: Notes
}

export function denial(
  status: DenialStatus,
  code: ReasonCode,
  message: string,
  parts: DenialParts = {},
): Denial {
  return {
    kind: 'denial',
    status,
    code,
    message: parts.message ?? message,
    reason: parts.reason ?? '',
    headers: parts.headers ?? [],
    ...(parts.hints === undefined ? {} : { hints: parts.hints }),
    ...(parts.cause === undefined ? {} : { cause: parts.cause }),
    ...(parts.notes === undefined ? {} : { notes: parts.notes }),
  }
}

/** The same refusal with how it came about. */
export const noted = (refused: Denial, notes: Notes): Denial => ({ ...refused, notes })

export const badRequest = (reason: string): Denial =>
  denial(400, 'bad_request', 'The request was malformed or contained invalid parameters', { reason })

export const unauthorized = (code: ReasonCode, parts?: DenialParts): Denial =>
  denial(401, code, 'Access credentials are invalid', parts)

export const forbidden = (code: ReasonCode, parts?: DenialParts): Denial =>
  denial(403, code, 'Access credentials are not sufficient to access this resource', parts)

export const noRule = (): Denial => denial(404, 'no_rule', 'Requested url does not match any rules')

export const severalRules = (ids: readonly string[]): Denial =>
  denial(500, 'several_rules', 'Expected exactly one rule but found multiple rules', {
    reason: `matching rules: ${ids.join(', ')}`,
  })

export const rateLimited = (parts?: DenialParts): Denial =>
  denial(429, 'rate_limited', 'Too many requests', parts)

export const misconfigured = (kind: string, reason: string): Denial =>
  denial(500, 'rule_misconfigured', `${kind} matching this route is misconfigured or disabled`, { reason })

export const internal = (code: ReasonCode, reason: string, cause?: unknown): Denial =>
  denial(500, code, reason, { cause })

/** "I could not find out": never 401, always with Retry-After (seconds). */
export const unavailable = (
  reason: string,
  parts: DenialParts & { retryAfterSeconds?: number } = {},
): Denial =>
  denial(503, 'unavailable', 'The service is unavailable', {
    reason,
    ...parts,
    headers: [{ name: 'retry-after', value: String(parts.retryAfterSeconds ?? 1) }, ...(parts.headers ?? [])],
  })
