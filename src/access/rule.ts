/** Compiled rules: the pattern that a URL must match, and the handlers that decide. */
import type { Authenticate, Responder, Stage, Step } from './pipeline.ts'
import type { WithheldCredentials } from './withheld_credentials.ts'

/**
 * A compiled `match.url`. Its captures are those that templates see; a pattern of the glob strategy has none.
 */
export interface MatchPattern {
  /** As written in the rule. */
  readonly text: string
  /** `scheme://host` of all URLs that can match; `undefined` where they are not a finite set. */
  readonly origins: readonly string[] | undefined
  /**
   * Hosts as far as they are literal, each with a slash at its end if that is all of it. Absent: those of `origins`.
   */
  readonly hosts?: readonly string[]
  /** Literal text that every matching path starts with; may be empty. */
  readonly pathPrefix: string
  /**
   * Literal texts; every matching URL starts with one of them. Absent: `origins` followed by `pathPrefix`.
   */
  readonly prefixes?: readonly string[]
  /** Literal text that every matching URL contains and that begins with a slash; absent: none is known. */
  readonly requiredSubstring?: string
  /**
   * Longest URL that is matched, in UTF-16 code units; a longer one could take more than 250 ms.
   */
  readonly maxUrlChars?: number
  /** The captures of `scheme://host/path`, or `undefined` where it does not match. */
  exec(url: string): readonly string[] | undefined
  /** The same for a URL that starts with `prefixes[prefixIndex]` and with none of the other prefixes. */
  execFromPrefix?(url: string, prefixIndex: number): readonly string[] | undefined
}

export interface CompiledRule {
  readonly id: string
  /** The rule matches gRPC requests only, as `rpc://authority/full_method`. */
  readonly rpc?: true
  /** In upper case. */
  readonly methods: ReadonlySet<string>
  readonly pattern: MatchPattern
  readonly authenticators: readonly Stage<Authenticate>[]
  readonly steps: readonly Stage<Step>[]
  readonly responders: readonly Responder[]
  /** Credentials that the upstream does not receive; absent if it receives all. */
  readonly withheld?: WithheldCredentials | undefined
}

/** The rule that decides a request, and what its pattern captured. */
export interface RuleMatch {
  readonly kind: 'found'
  readonly rule: CompiledRule
  readonly captures: readonly string[]
}

/**
 * A rule in one node of the index. It copies what rejecting a candidate needs, so that a candidate that does
 * not match costs no further lookups.
 */
export interface IndexEntry {
  readonly rule: CompiledRule
  readonly methods: ReadonlySet<string>
  readonly pattern: MatchPattern
  /** The one of the pattern's `prefixes` under which the entry is indexed; -1 without one. */
  readonly prefixIndex: number
  /** Position of the rule in the rule set. */
  readonly order: number
}
