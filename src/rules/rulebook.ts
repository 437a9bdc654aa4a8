/** Holds the rule set in force and replaces it atomically on reload. */
import type { Snapshot } from '../access/snapshot.ts'
import { type Diagnostic, sortDiagnostics } from '../documents/diagnostic.ts'
import type { AccessRule } from './document.ts'
import { NO_RULE_CHANGES, type RuleChanges } from './rule_changes.ts'

/** A compiled snapshot and the rules that it was compiled from. */
export interface RuleSet {
  readonly snapshot: Snapshot
  /** All rules as written, in order, also those with an error. */
  readonly rules: readonly AccessRule[]
  /** Rules without an error, as written, in order; shown by `/rules`. */
  readonly validRules: readonly AccessRule[]
  /** False when `access_rules.required` is set and no rule is valid: every Check is then 503. */
  readonly ready: boolean
}

export interface LoadResult {
  /** `undefined` when no snapshot can be made: the rule set in force stays. */
  readonly ruleSet: RuleSet | undefined
  readonly diagnostics: readonly Diagnostic[]
  /** Whether a repository could not be read or decoded, so that its previous rules are in the set. */
  readonly isPartial?: boolean
  /** Keys of settings that differ from those of the rule set in force. */
  readonly changedSettings?: readonly string[]
  /** Resolves to further diagnostics, all of them warnings. The rules serve meanwhile. Absent: there are none. */
  readonly lint?: () => Promise<readonly Diagnostic[]>
}

/** What caused a reload. */
export type ReloadTrigger = 'start' | 'file' | 'poll' | 'signal'

export interface ReloadReport {
  readonly trigger: ReloadTrigger
  /** `partial`: a repository could not be read or decoded, and its previous rules stay; others may have changed. */
  readonly outcome: 'changed' | 'unchanged' | 'partial' | 'rejected'
  /** Revision in force after the reload. */
  readonly revision: string | undefined
  /** Revision in force before the reload. */
  readonly previousRevision: string | undefined
  readonly changes: RuleChanges
  readonly changedSettings: readonly string[]
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
   * share one further reload that starts after it, since the running one may have read the files before they changed. It
   * has the trigger of the first of them.
   */
  reload(trigger: ReloadTrigger): Promise<ReloadReport>
}

export interface RulebookDependencies {
  /** Reads, parses and compiles configuration and rules. If it rejects, the reload counts as rejected. */
  readonly load: () => Promise<LoadResult>
  readonly compare: (before: readonly AccessRule[], after: readonly AccessRule[]) => Promise<RuleChanges>
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
  compare,
  now,
  onReplaced,
  onReload,
  toDiagnostic,
}: RulebookDependencies): Rulebook {
  let current: RuleSet | undefined
  let diagnostics: readonly Diagnostic[] = []
  let running: Promise<ReloadReport> | undefined
  let queued: Promise<ReloadReport> | undefined

  async function loadAndReplace(trigger: ReloadTrigger): Promise<ReloadReport> {
    const startedAt = now()
    const previous = current
    const loaded = await load().catch(
      (error: unknown): LoadResult => ({ ruleSet: undefined, diagnostics: [toDiagnostic(error)] }),
    )
    diagnostics = loaded.diagnostics
    const { ruleSet } = loaded
    const isReplaced = ruleSet !== undefined && ruleSet.snapshot.revision !== previous?.snapshot.revision
    // This single assignment replaces all rules at once: a Check reads `current` once and uses that snapshot to its end.
    if (isReplaced) {
      current = ruleSet
      onReplaced()
    }
    const lints = await loaded.lint?.().catch((error: unknown) => [toDiagnostic(error)])
    if (lints !== undefined) diagnostics = sortDiagnostics([...diagnostics, ...lints])
    const report: ReloadReport = {
      trigger,
      outcome:
        ruleSet === undefined
          ? 'rejected'
          : loaded.isPartial === true
            ? 'partial'
            : isReplaced
              ? 'changed'
              : 'unchanged',
      revision: current?.snapshot.revision,
      previousRevision: previous?.snapshot.revision,
      changes: isReplaced ? await compare(previous?.rules ?? [], ruleSet.rules) : NO_RULE_CHANGES,
      changedSettings: isReplaced ? (loaded.changedSettings ?? []) : [],
      rules: current?.snapshot.rules.length ?? 0,
      diagnostics,
      durationMs: now() - startedAt,
    }
    onReload(report)
    return report
  }

  function start(trigger: ReloadTrigger): Promise<ReloadReport> {
    running = loadAndReplace(trigger).finally(() => {
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
    reload(trigger) {
      if (running === undefined) return start(trigger)
      queued ??= running.then(() => {
        queued = undefined
        return start(trigger)
      })
      return queued
    },
  }
}
