/** edition — configuration, repositories and rules, read anew and compiled to what may serve traffic. Knows no socket and no signal. */
import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { levelOf } from './app_options.ts'
import { type Config, loadConfig } from './config.ts'
import { createBuilder } from './handlers/builder.ts'
import { HANDLERS } from './handlers/registry.ts'
import type { Services } from './handlers/services.ts'
import type { Clock } from './lib/duration.ts'
import { type Issue, sortIssues } from './lib/issue.ts'
import { type Compiled, compileRules } from './rules/compile.ts'
import type { PlacedRule } from './rules/parse.ts'
import { type createRuleSources, filesOf } from './rules/repository.ts'
import type { Prepared } from './rules/rulebook.ts'
import type { Log } from './telemetry/log.ts'
import type { Tracing } from './telemetry/sdk.ts'
import { traceStages } from './telemetry/trace.ts'

export interface AppOptions {
  readonly configFiles: readonly string[]
  readonly flags: ReadonlyMap<string, string>
  readonly env: NodeJS.ProcessEnv
}

/** What stops a start: issues of the configuration, for people. */
export class StartFault extends Error {
  readonly issues: readonly Issue[]
  constructor(message: string, issues: readonly Issue[]) {
    super(message)
    this.issues = issues
  }
}

/** Milliseconds of uninterrupted compiling after which Checks get a turn (architecture 8). */
const SLICE = 2
export async function readConfig(options: AppOptions) {
  const files = await Promise.all(
    options.configFiles.map(async source => ({ source, text: await readFile(source, 'utf8') })),
  ).catch((error: NodeJS.ErrnoException) => {
    const message = `cannot be read (${error.code ?? 'unknown reason'})`
    throw new StartFault('the configuration cannot be read', [
      {
        severity: 'error',
        source: error.path ?? '',
        line: 0,
        column: 0,
        path: '',
        message,
        hint: 'name it with --config FILE',
      },
    ])
  })
  return { ...loadConfig({ files, env: options.env, flags: options.flags }, HANDLERS), files }
}

type Sources = ReturnType<typeof createRuleSources>

/** Everything anew: configuration, repositories, rules. What is wrong with any of it leaves the edition in force. */
export async function prepare(
  options: AppOptions,
  services: Services,
  sources: Sources,
  tracing: Tracing | undefined,
  watched: (files: readonly string[]) => void,
  log: Log,
): Promise<Prepared> {
  const read = await readConfig(options).catch((error: unknown) => {
    if (error instanceof StartFault) return { config: undefined, issues: error.issues, files: [] }
    throw error
  })
  if (read.config === undefined) return { edition: undefined, issues: read.issues }
  const { config, files } = read
  log.setLevel(levelOf(config))
  const repositories = config.list('access_rules.repositories')
  const directory = directoryOf(options)
  watched([...options.configFiles.map(file => resolve(file)), ...filesOf(repositories, directory)])
  const loaded = await sources.load(repositories)
  const issues = [...read.issues, ...loaded.issues]
  if (!loaded.complete) return { edition: undefined, issues: sortIssues(issues) }
  const revision = hash('sha256', JSON.stringify([files, loaded.texts])).slice(0, 16)
  const compiled = await compileWith(config, loaded.rules, services, tracing, revision)
  const all = sortIssues([...issues, ...compiled.issues])
  if (compiled.snapshot === undefined) return { edition: undefined, issues: all }
  const edition = {
    snapshot: compiled.snapshot,
    listed: compiled.listed,
    sources: loaded.texts.map(one => one.source),
  }
  return { edition, issues: all }
}

export function compileWith(
  config: Config,
  rules: readonly PlacedRule[],
  services: Services,
  tracing: Tracing | undefined,
  revision: string,
): Promise<Compiled> {
  const builder = createBuilder({
    handlers: HANDLERS,
    settings: config.handlers,
    fallback: config.list('errors.fallback'),
    services,
    strategy: strategyOf(config),
    traced: tracing === undefined ? (_kind, _id, run) => run : tracedBy(tracing),
  })
  return compileRules({
    rules,
    builder,
    strategy: strategyOf(config),
    revision,
    strict: config.flag('strict'),
    breathe: breatheEvery(SLICE, services.clock),
  })
}

function tracedBy(tracing: Tracing): Parameters<typeof createBuilder>[0]['traced'] {
  const wrap = traceStages(tracing.tracer)
  // An error handler waits for nothing and is part of the Check's own span.
  return (kind, id, run) => (kind === 'error' ? run : (wrap(kind, id, run as never) as typeof run))
}

/** A pause whenever `slice` ms of work are done. */
function breatheEvery(slice: number, clock: Clock): () => Promise<void> | undefined {
  let from = clock.now()
  return () => {
    if (clock.now() - from < slice) return undefined
    return nextTurn().then(() => {
      from = clock.now()
    })
  }
}

/** Relative repositories start where Oathkeeper's do: in the working directory. */
export const directoryOf = (_options: AppOptions): string => process.cwd()

const strategyOf = (config: Config): 'regexp' | 'glob' =>
  config.text('access_rules.matching_strategy') === 'glob' ? 'glob' : 'regexp'
