/** rules/rulebook — holds the edition of the rules that serves traffic, and replaces it whole. Knows neither files nor handlers: `prepare` does. */
import type { Snapshot } from '../access/snapshot.ts'
import type { Issue } from '../documents/issue.ts'
import type { AccessRule } from './document.ts'

/** A snapshot with what people want to know of it. */
export interface Edition {
  readonly snapshot: Snapshot
  /** Valid rules as written, in order, for `/rules`. */
  readonly listed: readonly AccessRule[]
  /** False where a valid rule is demanded and there is none: every Check is 503 then (Q-13, option). */
  readonly ready: boolean
}

export interface Prepared {
  /** Absent when the sources cannot make a snapshot: the one in force stays. */
  readonly edition: Edition | undefined
  readonly issues: readonly Issue[]
}

export interface ReloadReport {
  readonly outcome: 'changed' | 'unchanged' | 'refused'
  readonly revision: string | undefined
  readonly rules: number
  readonly issues: readonly Issue[]
  /** Milliseconds. */
  readonly took: number
}

export interface Rulebook {
  /** `undefined` until every repository has been loaded once. */
  readonly current: Edition | undefined
  /** Issues of the latest attempt, also of a refused one. */
  readonly issues: readonly Issue[]
  /** One at a time; a call while one runs makes another follow, and both are answered by that. */
  reload(): Promise<ReloadReport>
}

export interface RulebookParts {
  /** Reads, parses and compiles everything anew. A rejection counts as a refusal. */
  readonly prepare: () => Promise<Prepared>
  readonly now: () => number
  /** Told after every attempt, before anybody who waits for it. */
  readonly reported: (report: ReloadReport) => void
  readonly accident: (error: unknown) => Issue
}

export function createRulebook({ prepare, now, reported, accident }: RulebookParts): Rulebook {
  let current: Edition | undefined
  let issues: readonly Issue[] = []
  let running: Promise<ReloadReport> | undefined
  let next: Promise<ReloadReport> | undefined

  async function attempt(): Promise<ReloadReport> {
    const started = now()
    const prepared = await prepare().catch(
      (error: unknown): Prepared => ({ edition: undefined, issues: [accident(error)] }),
    )
    issues = prepared.issues
    const { edition } = prepared
    const outcome =
      edition === undefined
        ? 'refused'
        : edition.snapshot.revision === current?.snapshot.revision
          ? 'unchanged'
          : 'changed'
    // The one assignment that makes a reload: a Check reads `current` once and keeps what it read (F9).
    if (edition !== undefined && outcome === 'changed') current = edition
    const report: ReloadReport = {
      outcome,
      revision: current?.snapshot.revision,
      rules: current?.snapshot.rules.length ?? 0,
      issues,
      took: now() - started,
    }
    reported(report)
    return report
  }

  function start(): Promise<ReloadReport> {
    running = attempt().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    get current() {
      return current
    },
    get issues() {
      return issues
    },
    reload() {
      if (running === undefined) return start()
      next ??= running.then(() => {
        next = undefined
        return start()
      })
      return next
    },
  }
}
