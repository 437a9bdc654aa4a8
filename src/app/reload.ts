/** Loads the rules at startup and again when files change, a poll is due or an operator asks. */
import type { Snapshot } from '../access/snapshot.ts'
import type { ServiceStatus } from '../api/rules.ts'
import type { Diagnostic } from '../documents/diagnostic.ts'
import { type Clock, millis } from '../lib/time.ts'
import { createYielder } from '../lib/yield_to_event_loop.ts'
import type { AccessRule } from '../rules/document.ts'
import { watchFiles } from '../rules/repositories/file_watcher.ts'
import { createReloadPoller } from '../rules/repositories/reload_poller.ts'
import type { SourceState } from '../rules/repositories/sources.ts'
import { compareRules } from '../rules/rule_changes.ts'
import { createRulebook, type ReloadReport, type ReloadTrigger } from '../rules/rulebook.ts'
import type { LastReload } from '../telemetry/instruments.ts'
import { INTERNAL_ERROR_DIAGNOSTIC, summarizeReload } from './events.ts'
import { createRuleSetLoader, type RuleSetLoaderDependencies, TIME_SLICE_MS } from './ruleset.ts'

export interface ReloaderDependencies
  extends Omit<RuleSetLoaderDependencies, 'ensureWatched' | 'onRepositoriesLoaded'> {
  readonly clock: Clock
  /** In [0, 1): spreads the polls of several replicas. */
  readonly random: () => number
  /** Called when another rule set is in force. */
  readonly onReplaced: () => void
  /** Called after every reload, before `reload` resolves. */
  readonly onReload: (report: ReloadReport) => void
  readonly onError: (error: unknown) => void
}

export interface Reloader {
  /** The rules that serve traffic; `undefined` while there are none. */
  snapshot(): Snapshot | undefined
  /** Whether a rule set was loaded, even if it must not serve yet. */
  readonly loaded: boolean
  readonly validRules: readonly AccessRule[]
  readonly diagnostics: readonly Diagnostic[]
  readonly sourceStates: readonly SourceState[]
  status(): ServiceStatus
  /** The latest load, for the metrics; `undefined` before the first has ended. */
  readonly lastReload: LastReload | undefined
  /** Reads configuration and rules again. Never rejects. */
  reload(trigger: ReloadTrigger): Promise<void>
  /** Stops polling and watching. */
  close(): void
}

/** Nothing is loaded until the first `reload`. */
export function createReloader(dependencies: ReloaderDependencies): Reloader {
  const { clock, random, onReplaced, onReload, onError, ...loaderDependencies } = dependencies
  let sourceStates: readonly SourceState[] = []
  let pollInterval = millis(0)
  let watcher = watchFiles([], () => {})
  let watched = ''
  let lastSummary: ServiceStatus['last_reload']
  let lastReload: LastReload | undefined

  /** The files to watch can change with the configuration. */
  async function ensureWatched(files: readonly string[]): Promise<boolean> {
    if (watched === files.join('\0')) return false
    watched = files.join('\0')
    watcher.close()
    watcher = watchFiles(files, () => reload('file'))
    await watcher.ready
    return true
  }

  const rulebook = createRulebook({
    load: createRuleSetLoader({
      ...loaderDependencies,
      ensureWatched,
      onRepositoriesLoaded(states, interval) {
        sourceStates = states
        pollInterval = interval
      },
    }).load,
    compare: (before, after) => compareRules(before, after, createYielder(TIME_SLICE_MS, clock)),
    now: clock.now,
    onReplaced,
    onReload(report) {
      const now = clock.wall()
      lastSummary = { time: new Date(now).toISOString(), ...summarizeReload(report) }
      const successful = report.outcome === 'changed' || report.outcome === 'unchanged'
      lastReload = { successful, succeededAtMs: successful ? now : lastReload?.succeededAtMs }
      onReload(report)
    },
    toDiagnostic(error) {
      onError(error)
      return INTERNAL_ERROR_DIAGNOSTIC
    },
  })

  async function reload(trigger: ReloadTrigger): Promise<void> {
    const { outcome } = await rulebook.reload(trigger)
    const remote = sourceStates.filter(one => one.kind === 'remote')
    const failing = outcome === 'rejected' || remote.some(one => one.state !== 'fresh')
    poller.reschedule({ interval: pollInterval, remote: remote.length > 0, failing })
  }
  const poller = createReloadPoller(() => reload('poll'), random)

  return {
    snapshot: () => (rulebook.current?.ready === true ? rulebook.current.snapshot : undefined),
    get loaded() {
      return rulebook.current !== undefined
    },
    get validRules() {
      return rulebook.current?.validRules ?? []
    },
    get diagnostics() {
      return rulebook.diagnostics
    },
    get sourceStates() {
      return sourceStates
    },
    status: () => ({
      revision: rulebook.current?.snapshot.revision ?? '',
      rules: rulebook.current?.snapshot.rules.length ?? 0,
      sources: sourceStates,
      problems: rulebook.diagnostics,
      last_reload: lastSummary,
    }),
    get lastReload() {
      return lastReload
    },
    reload,
    close() {
      poller.close()
      watcher.close()
    },
  }
}
