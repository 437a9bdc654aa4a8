/** access/snapshot — the rules that serve traffic, immutable, and how the one that matches is found. Knows no files and no YAML. */
import type { Denial } from './denial.ts'
import type { Authenticate, Responder, Stage, Step } from './pipeline.ts'
import type { RequestView } from './request.ts'

/** A compiled `match.url`. Captures are those of spec 2.4; a pattern of the glob strategy has none. */
export interface Pattern {
  /** As written in the rule. */
  readonly text: string
  /** `scheme://host` of every request that can match, when these are finitely many; `undefined` means any. */
  readonly origins: readonly string[] | undefined
  /** Every path that matches starts with this literal text; may be empty. */
  readonly pathPrefix: string
  /** `url` is `scheme://host/path` as spec 2.1 composes it; the captures, or `undefined` for no match. */
  exec(url: string): readonly string[] | undefined
}

export interface CompiledRule {
  readonly id: string
  /** Upper case. */
  readonly methods: ReadonlySet<string>
  readonly pattern: Pattern
  readonly authenticators: readonly Stage<Authenticate>[]
  readonly steps: readonly Stage<Step>[]
  readonly responders: readonly Responder[]
}

export interface Found {
  readonly kind: 'found'
  readonly rule: CompiledRule
  readonly captures: readonly string[]
}

export interface Snapshot {
  /** Hash of the texts that it was made from. */
  readonly revision: string
  readonly rules: readonly CompiledRule[]
  /** Lower-case names of headers that any rule may set (architecture 13.3). */
  readonly writes: ReadonlySet<string>
  /** Responders where no rule matched. */
  readonly fallback: readonly Responder[]
  find(request: RequestView): Found | Denial
}
