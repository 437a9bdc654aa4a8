/** Holds the rule set in force and replaces it atomically on reload. */
import type { Snapshot } from '../access/snapshot.ts'
import { type Diagnostic, sortDiagnostics } from '../documents/diagnostic.ts'
import type { AccessRule } from './document.ts'

/** A compiled snapshot and the rules that it was compiled from. */
export interface RuleSet {
  readonly snapshot: Snapshot
  /** Rules without an error, as written, in order; shown by `/rules`. */
  readonly validRules: readonly AccessRule[]
  /** False when `access_rules.required` is set and no rule is valid: every Check is then 503. */
  readonly ready: boolean
}

export interface LoadResult {
  /** `undefined` when no snapshot can be made: the rule set in force stays. */
  readonly ruleSet: RuleSet | undefined
  readonly diagnostics: readonly Diagnostic[]
  /** Resolves to further diagnostics, all of them warnings. The rules serve meanwhile. Absent: there are none. */
  readonly lint?: () => Promise<readonly Diagnostic[]>
}

export interface ReloadReport {
  readonly outcome: 'changed' | 'unchanged' | 'rejected'
  /** Revision in force after the reload. */
  readonly revision: string | undefined
  /** Number of rules in force after the reload. */
  readonly rules: number
  readonly diagnostics: readonly Diagnostic[]
  readonly durationMs: number
}

export interface Rulebook {
  /** `undefined` until every repository has been loaded once. */
  readonly current: RuleSet | undefined
  /** Diagnostics of the latest load, even if it was rejected. */
  readonly diagnostics: readonly Diagnostic[]
  /**
   * Loads the rules and replaces the rule set if it changed. Never rejects. Reloads do not overlap: calls during a reload
   * share one further reload that starts after it, since the running one may have read the files before they changed.
   */
  reload(): Promise<ReloadReport>
}

export interface RulebookDependencies {
  /** Reads, parses and compiles configuration and rules. If it rejects, the reload counts as rejected. */
  readonly load: () => Promise<LoadResult>
  /** Current time in milliseconds. */
  readonly now: () => number
  /** Called when another rule set is in force, before its lints. */
  readonly onReplaced: () => void
  /** Called after every reload, before the promise of `reload` resolves. */
  readonly onReload: (report: ReloadReport) => void
  /** Reports an unexpected error of `load` and describes it for `diagnostics`. */
  readonly toDiagnostic: (error: unknown) => Diagnostic
}

/** Creates a rulebook without a rule set; the first `reload` loads it. */
export function createRulebook({
  load,
  now,
  onReplaced,
  onReload,
  toDiagnostic,
}: RulebookDependencies): Rulebook {
  let current: RuleSet | undefined
  let diagnostics: readonly Diagnostic[] = []
  let running: Promise<ReloadReport> | undefined
  let queued: Promise<ReloadReport> | undefined

  async function loadAndReplace(): Promise<ReloadReport> {
    const startedAt = now()
    const loaded = await load().catch(
      (error: unknown): LoadResult => ({ ruleSet: undefined, diagnostics: [toDiagnostic(error)] }),
    )
    diagnostics = loaded.diagnostics
    const { ruleSet } = loaded
    const outcome =
      ruleSet === undefined
        ? 'rejected'
        : ruleSet.snapshot.revision === current?.snapshot.revision
          ? 'unchanged'
          : 'changed'
    // This single assignment replaces all rules at once: a Check reads `current` once and uses that snapshot to its end.
    if (ruleSet !== undefined && outcome === 'changed') {
      current = ruleSet
      onReplaced()
    }
    const lints = await loaded.lint?.().catch((error: unknown) => [toDiagnostic(error)])
    if (lints !== undefined) diagnostics = sortDiagnostics([...diagnostics, ...lints])
    const report: ReloadReport = {
      outcome,
      revision: current?.snapshot.revision,
      rules: current?.snapshot.rules.length ?? 0,
      diagnostics,
      durationMs: now() - startedAt,
    }
    onReload(report)
    return report
  }

  function start(): Promise<ReloadReport> {
    running = loadAndReplace().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    get current() {
      return current
    },
    get diagnostics() {
      return diagnostics
    },
    reload() {
      if (running === undefined) return start()
      queued ??= running.then(() => {
        queued = undefined
        return start()
      })
      return queued
    },
  }
}
