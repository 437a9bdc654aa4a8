/** Loads configuration and rule repositories and compiles them into a rule set. */

import { hash } from 'node:crypto'
import { resolve } from 'node:path'
import { loadJose } from '../clients/jwks/jose.ts'
import { type Diagnostic, formatPath, sortDiagnostics } from '../documents/diagnostic.ts'
import { createHandlerBuilder, type TraceHandler } from '../handlers/builder.ts'
import { createRefusalPages } from '../handlers/pages/refusal_pages.ts'
import { refusalPageOptions } from '../handlers/pages/settings.ts'
import { HANDLERS } from '../handlers/registry.ts'
import type { Services } from '../handlers/services.ts'
import type { Millis } from '../lib/time.ts'
import { createYielder } from '../lib/yield_to_event_loop.ts'
import { type CompiledRuleSet, compileRules } from '../rules/compile.ts'
import type { DefaultRuleRef } from '../rules/default_rule.ts'
import type { LocatedRule } from '../rules/parse.ts'
import { repositoryFiles } from '../rules/repositories/repository.ts'
import type { RuleSources, SourceState } from '../rules/repositories/sources.ts'
import type { LoadResult } from '../rules/rulebook.ts'
import { matchingStrategy, matchSettings, pathMode, ruleSettings } from '../rules/settings.ts'
import type { Log } from '../telemetry/log.ts'
import { logLevel } from '../telemetry/settings.ts'
import { traceStages } from '../telemetry/spans.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { type Config, loadConfig, readSources } from './config.ts'
import { changedSettings, changesPendingRestart } from './restart.ts'
import { StartupError } from './startup_error.ts'

export interface AppOptions {
  readonly configFiles: readonly string[]
  readonly flags: ReadonlyMap<string, string>
  readonly env: NodeJS.ProcessEnv
}

/** Maximum uninterrupted work while rules are loaded; then pending Checks run. */
export const TIME_SLICE_MS = 2

/** Reads and validates the configuration. Rejects with `StartupError` when a file cannot be read. */
export async function readConfig(options: AppOptions) {
  const { sources, unreadable } = await readSources(options, HANDLERS)
  if (unreadable.length > 0) throw new StartupError('the configuration cannot be read', unreadable)
  return { ...loadConfig(sources, HANDLERS), files: sources.files }
}

export interface RuleSetLoaderDependencies {
  readonly options: AppOptions
  /** The configuration at start. Changes of settings that only a restart applies are reported against it. */
  readonly startupConfig: Config
  readonly services: Services
  readonly sources: RuleSources
  readonly tracing: Tracing | undefined
  readonly log: Log
  /**
   * Resolves when all files are watched; true if some of them were not watched before. The files are then read again,
   * since a change between reading and watching would go unnoticed.
   */
  readonly ensureWatched: (files: readonly string[]) => Promise<boolean>
  /** Called after each load of the repositories; `interval` is `access_rules.poll_interval`. */
  readonly onRepositoriesLoaded: (states: readonly SourceState[], interval: Millis) => void
}

/**
 * Creates the `load` of a rulebook: it reads configuration, repositories and rules again. If any of them cannot be used,
 * the result has no rule set and the one in force stays. Unchanged texts are not compiled again.
 */
export function createRuleSetLoader(dependencies: RuleSetLoaderDependencies): {
  load(): Promise<LoadResult>
} {
  const { options, services, sources, tracing, log } = dependencies
  const directory = workingDirectory(options)
  /** Of the last rule set that was returned. */
  let lastConfig: Config | undefined
  let lastCompile: (Omit<CompiledRuleSet, 'lint'> & { readonly revision: string }) | undefined

  async function load(): Promise<LoadResult> {
    const read = await readConfig(options).catch((error: unknown) => {
      if (error instanceof StartupError) return { config: undefined, issues: error.diagnostics, files: [] }
      throw error
    })
    if (read.config === undefined) return { ruleSet: undefined, diagnostics: read.issues }
    const { config, files } = read
    log.setLevel(logLevel(config))
    const repositories = config.get(ruleSettings.repositories)
    const watchedFiles = [
      ...options.configFiles.map(file => resolve(file)),
      ...repositoryFiles(repositories, directory),
    ]
    if (await dependencies.ensureWatched(watchedFiles)) return load()
    const loaded = await sources.load(repositories, repositoryLocator(config))
    dependencies.onRepositoriesLoaded(loaded.states, config.get(ruleSettings.pollInterval))
    const diagnostics = [
      ...read.issues,
      ...changesPendingRestart(dependencies.startupConfig, config),
      ...loaded.diagnostics,
    ]
    if (!loaded.allLoaded) return { ruleSet: undefined, diagnostics: sortDiagnostics(diagnostics) }
    if (loaded.rules.length === 0) diagnostics.push(...noRulesWarning(config))
    const revision = hash('sha256', JSON.stringify([files, loaded.digests])).slice(0, 16)
    let lint: (() => Promise<readonly Diagnostic[]>) | undefined
    if (lastCompile?.revision !== revision) {
      const { lint: lintRules, ...compiled } = await compileRuleSet(
        config,
        loaded.rules,
        services,
        handlerTracing(tracing),
        revision,
      )
      const found = { ...compiled, revision }
      lastCompile = found
      // Only the warnings are kept: the function holds the parsed patterns of all rules.
      lint = async () => {
        const warnings = await lintRules()
        lastCompile = { ...found, diagnostics: [...found.diagnostics, ...warnings] }
        return warnings
      }
    }
    const { snapshot, validRules, diagnostics: compileDiagnostics } = lastCompile
    const loadDiagnostics = sortDiagnostics([...diagnostics, ...compileDiagnostics])
    const lints = lint === undefined ? {} : { lint }
    if (snapshot === undefined) return { ruleSet: undefined, diagnostics: loadDiagnostics, ...lints }
    const ready = validRules.length > 0 || !config.get(ruleSettings.required)
    const settings = lastConfig === undefined ? [] : changedSettings(lastConfig, config)
    lastConfig = config
    return {
      ruleSet: { snapshot, rules: loaded.rules.map(({ rule }) => rule), validRules, ready },
      diagnostics: loadDiagnostics,
      isPartial: loaded.states.some(({ state }) => state !== 'fresh'),
      changedSettings: settings,
      ...lints,
    }
  }
  return { load }
}

/** Locates an entry of `access_rules.repositories`, for diagnostics about that repository. */
export const repositoryLocator = (config: Config) => (index: number) => {
  const path = ['access_rules', 'repositories', index]
  return { ...config.positionOf(path), path: formatPath(path) }
}

function defaultRuleReference(config: Config): DefaultRuleRef | undefined {
  const id = config.get(ruleSettings.defaultRule) ?? ''
  if (id === '') return undefined
  const path = ['access_rules', 'default_rule']
  return { id, location: { ...config.positionOf(path), path: formatPath(path) } }
}

/** When set, a rule set without a valid rule keeps the service from being ready. */
const REQUIRED_SETTING = ruleSettings.required.path

/** A warning, because a missing configuration file or a misspelt key looks like an empty rule set and the service starts. */
export function noRulesWarning(config: Config): readonly Diagnostic[] {
  if (config.get(ruleSettings.required)) return []
  const path = ['access_rules', 'repositories']
  const message = 'there are no rules: every request is answered with 404'
  const hint = 'pass the configuration with --config FILE and list rule files in access_rules.repositories'
  return [{ severity: 'warning', ...config.positionOf(path), path: path.join('.'), message, hint }]
}

/** Compiles rules with the handlers and settings of a configuration. */
export async function compileRuleSet(
  config: Config,
  rules: readonly LocatedRule[],
  services: Services,
  traced: TraceHandler,
  revision: string,
): Promise<CompiledRuleSet> {
  const builder = createHandlerBuilder({
    handlers: HANDLERS,
    settings: config.handlers,
    fallback: config.get(ruleSettings.fallback),
    services,
    strategy: matchingStrategy(config),
    pages: createRefusalPages(refusalPageOptions(config), services.clock),
    trace: traced,
  })
  if (verifiesOrSignsTokens(config)) await loadJose()
  const compiled = await compileRules({
    rules,
    builder,
    strategy: matchingStrategy(config),
    paths: pathMode(config),
    hosts: config.get(matchSettings.hosts) === 'exact' ? 'exact' : undefined,
    onMultipleMatches: config.get(ruleSettings.onMultipleMatches),
    defaultRule: defaultRuleReference(config),
    revision,
    strict: config.get(matchSettings.strict),
    yieldToEventLoop: createYielder(TIME_SLICE_MS, services.clock),
  })
  if (compiled.snapshot === undefined || compiled.validRules.length > 0 || !config.get(ruleSettings.required))
    return compiled
  const path = REQUIRED_SETTING.split('.')
  const message = 'there is no valid rule: every request is answered with 503'
  const diagnostic: Diagnostic = {
    severity: 'error',
    ...config.positionOf(path),
    path: REQUIRED_SETTING,
    message,
    hint: '',
  }
  return { ...compiled, diagnostics: [...compiled.diagnostics, diagnostic] }
}

const verifiesOrSignsTokens = ({ handlers }: Config): boolean =>
  handlers.authenticator.get('jwt')?.enabled === true || handlers.mutator.get('id_token')?.enabled === true

/** Runs handlers without a span of their own. */
export const UNTRACED: TraceHandler = (_kind, _id, run) => run

/** Gives each handler of a Check a span of its own, if tracing is on. */
export function handlerTracing(tracing: Tracing | undefined): TraceHandler {
  if (tracing === undefined) return UNTRACED
  const wrap = traceStages(tracing.tracer)
  // An error handler is synchronous: its time is part of the span of the Check.
  return (kind, id, run) => (kind === 'error' ? run : (wrap(kind, id, run as never) as typeof run))
}

/** Directory of relative repository paths: the working directory, as in Oathkeeper. */
export const workingDirectory = (_options: AppOptions): string => process.cwd()
