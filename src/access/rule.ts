/** What a compiled rule is: the pattern that finds it, and the functions that decide its requests. */
import type { Authenticate, Responder, Stage, Step } from './pipeline.ts'

/** A compiled `match.url`. Captures are those of spec 2.4; a pattern of the glob strategy has none. */
export interface MatchPattern {
  /** As written in the rule. */
  readonly text: string
  /** `scheme://host` of every request that can match, when these are finitely many; `undefined` means any. */
  readonly origins: readonly string[] | undefined
  /** Every path that matches starts with this literal text; may be empty. */
  readonly pathPrefix: string
  /** Literal texts one of which every matching URL starts with; absent: `origins` with `pathPrefix`. */
  readonly prefixes?: readonly string[]
  /** Literal text that begins with a slash and stands somewhere in every matching URL; absent: none is known. */
  readonly requiredSubstring?: string
  /** A URL of more UTF-16 code units is refused rather than tried: the pattern's cost is a power of the length. */
  readonly maxUrlChars?: number
  /** `url` is `scheme://host/path` as spec 2.1 composes it; the captures, or `undefined` for no match. */
  exec(url: string): readonly string[] | undefined
  /** The same for a URL that is known to start with `starts[start]` and with none of the others. */
  execFromPrefix?(url: string, start: number): readonly string[] | undefined
}

export interface CompiledRule {
  readonly id: string
  /** Matches gRPC requests, by `rpc://authority/full_method`, and nothing else (spec 1.9). */
  readonly rpc?: true
  /** Upper case. */
  readonly methods: ReadonlySet<string>
  readonly pattern: MatchPattern
  readonly authenticators: readonly Stage<Authenticate>[]
  readonly steps: readonly Stage<Step>[]
  readonly responders: readonly Responder[]
}

export interface RuleMatch {
  readonly kind: 'found'
  readonly rule: CompiledRule
  readonly captures: readonly string[]
}

/** A rule in one place of the index. All that a refused candidate costs stands here, and rules share what is equal. */
export interface IndexEntry {
  readonly rule: CompiledRule
  readonly methods: ReadonlySet<string>
  readonly pattern: MatchPattern
  /** Which of the pattern's `starts` brought the search here; -1 where none did. */
  readonly prefixIndex: number
  /** Of the rule among all rules, in order. */
  readonly order: number
}
