/** The records that the log writes; docs/operations.md lists their fields. */
import type { ReasonCode } from '../access/denial.ts'
import type { CacheResult } from '../access/verdict.ts'
import type { Diagnostic } from '../documents/issue.ts'

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** One decision. The field names are an interface: docs/operations.md lists them and a test compares. */
export interface DecisionRecord {
  readonly rule: string
  readonly decision: 'allow' | 'deny'
  /** HTTP status of a denial; 200 for an allow. */
  readonly status: number
  readonly code: ReasonCode | 'ok'
  /** Why not, in words that name no credential; empty on allow. */
  readonly reason: string
  readonly authenticator: string
  /** Handler that refused; empty on allow. */
  readonly refused_by: string
  readonly cache: CacheResult | ''
  /** Milliseconds from the arrival of the Check to the decision. */
  readonly duration_ms: number
  readonly request_id: string
  readonly trace_id: string
}

/** What else is worth a line. Closed: a new event is a new member here and a row in docs/operations.md. */
export type LogEvent =
  | {
      readonly event: 'started'
      readonly version: string
      readonly grpc: string
      readonly api: string
      readonly prometheus: string
    }
  | { readonly event: 'ready' | 'not_ready' | 'draining' | 'stopped' }
  | {
      readonly event: 'reload'
      readonly outcome: string
      readonly revision: string
      readonly rules: number
      readonly issues: number
      readonly took_ms: number
    }
  | ({ readonly event: 'issue' | 'notice' } & Diagnostic)
  | { readonly event: 'accident'; readonly where: string; readonly error: string; readonly stack: string }
  | { readonly event: 'breaker'; readonly state: string; readonly cause: string }
  | {
      readonly event: 'revocation'
      readonly source: string
      readonly kind: string
      /** Entries of the memory that went. */
      readonly evicted: number
    }
  | {
      readonly event: 'bus'
      /** What happened on the line between replicas, or `trouble`. */
      readonly state: string
      /** What the client of Redis stumbled over; a code, never its text. */
      readonly error: string
    }
  | { readonly event: 'tls'; readonly server: 'api' | 'grpc'; readonly state: 'renewed' }
  | {
      readonly event: 'tls'
      readonly server: 'api' | 'grpc'
      readonly state: 'refused'
      readonly why: string
    }
  | { readonly event: 'warning'; readonly where: string; readonly message: string }
