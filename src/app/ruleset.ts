/** edition — configuration, repositories and rules, read anew and compiled to what may serve traffic. Knows no socket and no signal. */
import { hash } from 'node:crypto'
import { resolve } from 'node:path'
import { readConfigFile } from '../config/files.ts'
import { formatPath, type Issue, sortIssues } from '../documents/issue.ts'
import { createBuilder, type Traced } from '../handlers/builder.ts'
import { HANDLERS } from '../handlers/registry.ts'
import type { Services } from '../handlers/services.ts'
import { type Millis, millis } from '../lib/time.ts'
import { breatheEvery } from '../lib/yield_to_event_loop.ts'
import { type Compiled, compileRules } from '../rules/compile.ts'
import type { DefaultRuleRef } from '../rules/default_rule.ts'
import type { PlacedRule } from '../rules/parse.ts'
import { filesOf } from '../rules/repositories/repository.ts'
import type { RuleSources, SourceState } from '../rules/repositories/sources.ts'
import type { Prepared } from '../rules/rulebook.ts'
import type { Log } from '../telemetry/log.ts'
import type { Tracing } from '../telemetry/sdk.ts'
import { traceStages } from '../telemetry/trace.ts'
import { type Config, loadConfig } from './config.ts'
import { levelOf, pathsOf } from './options.ts'
import { waitingForRestart } from './restart.ts'
import { StartFault } from './startup_error.ts'

export interface AppOptions {
  readonly configFiles: readonly string[]
  readonly flags: ReadonlyMap<string, string>
  readonly env: NodeJS.ProcessEnv
}

/** Milliseconds of uninterrupted work after which Checks get a turn (architecture 8). */
export const SLICE = 2

/** Rejects with `StartFault` where a file cannot be read. */
export async function readConfig(options: AppOptions) {
  const read = await Promise.all(options.configFiles.map(readConfigFile))
  const unreadable = read.flatMap(file => ('text' in file ? [] : [file.issue]))
  if (unreadable.length > 0) throw new StartFault('the configuration cannot be read', unreadable)
  const files = read.flatMap(file => ('text' in file ? [file] : []))
  return { ...loadConfig({ files, env: options.env, flags: options.flags }, HANDLERS), files }
}

export interface EditionParts {
  readonly options: AppOptions
  /** The configuration that the process started with: what is only read then stays as it was. */
  readonly started: Config
  readonly services: Services
  readonly sources: RuleSources
  readonly tracing: Tracing | undefined
  readonly log: Log
  /** Resolves once they are watched; true where some of them were not before, so that a change may have been missed. */
  readonly watched: (files: readonly string[]) => Promise<boolean>
  /** Told after each reading of the repositories. */
  readonly read: (states: readonly SourceState[], interval: Millis) => void
}

/** `prepare` reads everything anew: configuration, repositories, rules. What is wrong with any of it leaves the edition in force. */
export function createEditions(parts: EditionParts): { prepare(): Promise<Prepared> } {
  const { options, services, sources, tracing, log } = parts
  const directory = directoryOf(options)
  /** The latest compile: what is unchanged is not compiled again. */
  let last: { readonly revision: string; readonly compiled: Compiled } | undefined

  async function prepare(): Promise<Prepared> {
    const read = await readConfig(options).catch((error: unknown) => {
      if (error instanceof StartFault) return { config: undefined, issues: error.issues, files: [] }
      throw error
    })
    if (read.config === undefined) return { edition: undefined, issues: read.issues }
    const { config, files } = read
    log.setLevel(levelOf(config))
    const repositories = config.list('access_rules.repositories')
    const watched = [...options.configFiles.map(file => resolve(file)), ...filesOf(repositories, directory)]
    if (await parts.watched(watched)) return prepare()
    const loaded = await sources.load(repositories, entryPlaces(config))
    parts.read(loaded.states, millis(config.number('access_rules.poll_interval')))
    const issues = [...read.issues, ...waitingForRestart(parts.started, config), ...loaded.issues]
    if (!loaded.complete) return { edition: undefined, issues: sortIssues(issues) }
    if (loaded.rules.length === 0) issues.push(...withoutRules(config))
    const revision = hash('sha256', JSON.stringify([files, loaded.digests])).slice(0, 16)
    if (last?.revision !== revision) {
      last = {
        revision,
        compiled: await compileWith(config, loaded.rules, services, tracedBy(tracing), revision),
      }
    }
    const { snapshot, listed, issues: found } = last.compiled
    const all = sortIssues([...issues, ...found])
    if (snapshot === undefined) return { edition: undefined, issues: all }
    return { edition: { snapshot, listed, ready: listed.length > 0 || !config.flag(REQUIRED) }, issues: all }
  }
  return { prepare }
}

/** Where the configuration names a repository. */
export const entryPlaces = (config: Config) => (index: number) => {
  const path = ['access_rules', 'repositories', index]
  return { ...config.place(path), path: formatPath(path) }
}

function defaultRuleOf(config: Config): DefaultRuleRef | undefined {
  const id = config.text('access_rules.default_rule') ?? ''
  if (id === '') return undefined
  const path = ['access_rules', 'default_rule']
  return { id, place: { ...config.place(path), path: formatPath(path) } }
}

/** With it, a set without a valid rule is one to wait with. */
const REQUIRED = 'access_rules.required'

/** A configuration or a key that was forgotten looks like this, and the service runs. */
export function withoutRules(config: Config): readonly Issue[] {
  if (config.flag(REQUIRED)) return []
  const path = ['access_rules', 'repositories']
  const message = 'there are no rules: every request is answered with 404'
  const hint = 'name the configuration with --config FILE, and files with rules in it'
  return [{ severity: 'warning', ...config.place(path), path: path.join('.'), message, hint }]
}

export async function compileWith(
  config: Config,
  rules: readonly PlacedRule[],
  services: Services,
  traced: Traced,
  revision: string,
): Promise<Compiled> {
  const builder = createBuilder({
    handlers: HANDLERS,
    settings: config.handlers,
    fallback: config.list('errors.fallback'),
    services,
    strategy: strategyOf(config),
    traced,
  })
  const compiled = await compileRules({
    rules,
    builder,
    strategy: strategyOf(config),
    paths: pathsOf(config),
    hosts: config.text('hosts') === 'exact' ? 'exact' : undefined,
    several: config.text('access_rules.several_matches') === 'first' ? 'first' : 'refuse',
    defaultRule: defaultRuleOf(config),
    revision,
    strict: config.flag('strict'),
    breathe: breatheEvery(SLICE, services.clock),
  })
  if (compiled.snapshot === undefined || compiled.listed.length > 0 || !config.flag(REQUIRED)) return compiled
  const path = REQUIRED.split('.')
  const message = 'there is no valid rule: every request is 503'
  const issue: Issue = { severity: 'error', ...config.place(path), path: REQUIRED, message, hint: '' }
  return { ...compiled, issues: [...compiled.issues, issue] }
}

/** Handlers as they are: nobody looks at them one by one. */
export const UNTRACED: Traced = (_kind, _id, run) => run

export function tracedBy(tracing: Tracing | undefined): Traced {
  if (tracing === undefined) return UNTRACED
  const wrap = traceStages(tracing.tracer)
  // An error handler waits for nothing and is part of the Check's own span.
  return (kind, id, run) => (kind === 'error' ? run : (wrap(kind, id, run as never) as typeof run))
}

/** Relative repositories start where Oathkeeper's do: in the working directory. */
export const directoryOf = (_options: AppOptions): string => process.cwd()

const strategyOf = (config: Config): 'regexp' | 'glob' =>
  config.text('access_rules.matching_strategy') === 'glob' ? 'glob' : 'regexp'
