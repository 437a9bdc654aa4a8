/** rules/rulebook — holds the edition of the rules that serves traffic, and replaces it whole. Knows neither files nor handlers: `prepare` does. */
import type { Snapshot } from '../access/snapshot.ts'
import type { Diagnostic } from '../documents/issue.ts'
import type { AccessRule } from './document.ts'

/** A snapshot with what people want to know of it. */
export interface RuleSet {
  readonly snapshot: Snapshot
  /** Valid rules as written, in order, for `/rules`. */
  readonly validRules: readonly AccessRule[]
  /** False where a valid rule is demanded and there is none: every Check is 503 then (Q-13, option). */
  readonly ready: boolean
}

export interface LoadResult {
  /** Absent when the sources cannot make a snapshot: the one in force stays. */
  readonly ruleSet: RuleSet | undefined
  readonly diagnostics: readonly Diagnostic[]
}

export interface ReloadReport {
  readonly outcome: 'changed' | 'unchanged' | 'refused'
  readonly revision: string | undefined
  readonly rules: number
  readonly diagnostics: readonly Diagnostic[]
  /** Milliseconds. */
  readonly durationMs: number
}

export interface Rulebook {
  /** `undefined` until every repository has been loaded once. */
  readonly current: RuleSet | undefined
  /** Issues of the latest attempt, also of a refused one. */
  readonly diagnostics: readonly Diagnostic[]
  /** One at a time; a call while one runs makes another follow, and both are answered by that. */
  reload(): Promise<ReloadReport>
}

export interface RulebookDependencies {
  /** Reads, parses and compiles everything anew. A rejection counts as a refusal. */
  readonly load: () => Promise<LoadResult>
  readonly now: () => number
  /** Told after every attempt, before anybody who waits for it. */
  readonly onReload: (report: ReloadReport) => void
  readonly toDiagnostic: (error: unknown) => Diagnostic
}

export function createRulebook({ load, now, onReload, toDiagnostic }: RulebookDependencies): Rulebook {
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
        ? 'refused'
        : ruleSet.snapshot.revision === current?.snapshot.revision
          ? 'unchanged'
          : 'changed'
    // The one assignment that makes a reload: a Check reads `current` once and keeps what it read (F9).
    if (ruleSet !== undefined && outcome === 'changed') current = ruleSet
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
