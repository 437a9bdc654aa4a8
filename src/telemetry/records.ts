/** Types of all log records. docs/operations.md lists their fields. */
import type { ReasonCode } from '../access/denial.ts'
import type { CacheResult } from '../access/verdict.ts'
import type { Diagnostic } from '../documents/diagnostic.ts'

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** One decision. The field names are an interface: a test compares them with docs/operations.md. */
export interface DecisionRecord {
  /** Id of the matching rule; empty if none matches. */
  readonly rule: string
  /** Revision of the rule set; empty if no rule was looked up. */
  readonly revision: string
  readonly decision: 'allow' | 'deny'
  /** HTTP status of a denial; 200 for an allow. */
  readonly status: number
  readonly code: ReasonCode | 'ok'
  /** Why the request is denied, without any credential; empty for an allow. */
  readonly reason: string
  readonly authenticator: string
  /** Handler that denied the request; empty for an allow. */
  readonly refused_by: string
  /** What rendered the denial: an error handler, `built_in`, `several_match`, `none_matches` or `misconfigured`. */
  readonly error_handler: string
  readonly cache: CacheResult | ''
  /** From the arrival of the Check to the decision. */
  readonly duration_ms: number
  readonly method: string
  readonly scheme: string
  readonly host: string
  /** As the client sent it, without the query. */
  readonly path: string
  readonly subject: string
  /** Address of the client. */
  readonly client: string
  readonly request_id: string
  readonly trace_id: string
}

/** A problem in configuration, rules or in what they refer to. Without a position, `line` and `column` are 0. */
export interface ConfigProblem extends Omit<Diagnostic, 'severity'> {
  readonly severity: 'error' | 'warning' | 'notice'
}

/** All other records. A new event is a new member here and a row in docs/operations.md. */
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
      readonly trigger: 'start' | 'file' | 'poll' | 'signal'
      readonly outcome: 'changed' | 'unchanged' | 'partial' | 'rejected'
      /** Revision in force; empty before the first. */
      readonly revision: string
      /** Revision in force before; empty before the first. */
      readonly previous_revision: string
      readonly rules: number
      readonly added: number
      readonly removed: number
      readonly changed: number
      /** `+ID`, `-ID` and `~ID` for the first of them; empty at start. */
      readonly changes: readonly string[]
      /** Keys of the first settings that changed. */
      readonly settings: readonly string[]
      /** Number of problems; each of them has a record `config_problem` when it is new. */
      readonly problems: number
      /** Number of problems of the previous load that are gone. */
      readonly problems_resolved: number
      readonly duration_ms: number
    }
  | ({ readonly event: 'config_problem' } & ConfigProblem)
  | {
      readonly event: 'internal_error'
      /** Part of the service in which the exception was caught. */
      readonly where: string
      /** Class of the exception; never its message. */
      readonly error: string
      readonly stack: string
    }
  | { readonly event: 'overload'; readonly state: 'shedding' | 'admitting' }
  | { readonly event: 'circuit_breaker'; readonly state: string; readonly cause: string }
  | {
      readonly event: 'revocation'
      readonly source: string
      readonly kind: string
      /** Number of evicted cache entries. */
      readonly evicted: number
    }
  | {
      readonly event: 'revocation_rejected'
      readonly reason: string
      /** Of the TCP peer. */
      readonly address: string
    }
  | {
      readonly event: 'revocation_stream'
      /** An event of the stream, or `error`. */
      readonly state: string
      /** Code of an error of the Redis client, never its message; empty for other states. */
      readonly error: string
    }
  | { readonly event: 'tls'; readonly server: 'api' | 'grpc'; readonly state: 'renewed' }
  | {
      readonly event: 'tls'
      readonly server: 'api' | 'grpc'
      readonly state: 'rejected'
      readonly reason: string
    }
