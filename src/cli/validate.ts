/** cli/validate — every issue of the configuration and of all rules, sorted as a compiler shows them. Knows no handler: `world` compiles. */

import { type Config, loadConfig } from '../app/config.ts'
import { entryPlaces, withoutRules } from '../app/ruleset.ts'
import type { Send } from '../clients/http/message.ts'
import { readConfigFile } from '../config/files.ts'
import { formatIssue, type Issue, sortIssues } from '../documents/issue.ts'
import type { SealedHandler } from '../handlers/handler.ts'
import type { PlacedRule } from '../rules/parse.ts'
import { createRuleSources } from '../rules/repositories/sources.ts'
import type { CommandIo, CommonArguments } from './arguments.ts'

export interface ValidateArguments extends CommonArguments {
  /** Repositories to check instead of those of the configuration. */
  readonly rules: readonly string[]
  /** Warnings count as errors. */
  readonly strict: boolean
}

/** What a check needs of the service without starting it. */
export interface ValidateWorld {
  readonly handlers: readonly SealedHandler[]
  /** http(s) and the stores of the clouds. */
  readonly fetch: Send
  /** Compiles without keeping anything; what is wrong is the answer. */
  readonly compile: (config: Config, rules: readonly PlacedRule[]) => Promise<readonly Issue[]>
  /** Where relative repositories start. */
  readonly directory: string
}

/** Exit code 0 when there is no error (with `strict`: no warning either), else 1; 2 where nothing was named that could be checked. */
export async function validate(
  args: ValidateArguments,
  io: CommandIo,
  world: ValidateWorld,
): Promise<number> {
  const { issues, notices, rules } = await examine(args, io, world)
  const counted = issues.map(issue => (args.strict ? { ...issue, severity: 'error' as const } : issue))
  for (const issue of sortIssues([...counted, ...notices])) io.out(`${formatIssue(issue)}\n`)
  if (rules === 'none named') {
    io.err('error: there is nothing to check: name a configuration with --config FILE, or rule files\n')
    return 2
  }
  const errors = counted.filter(issue => issue.severity === 'error').length
  const warnings = counted.length - errors + notices.length
  const found = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
  io.out(rules === undefined ? `${found}; no rules were read\n` : `${found} in ${plural(rules, 'rule')}\n`)
  return errors === 0 ? 0 : 1
}

interface Examined {
  readonly issues: readonly Issue[]
  /** Accepted keys without effect: told, and no fault of the user's even where warnings are errors. */
  readonly notices: readonly Issue[]
  /** `undefined` where the configuration cannot be read, or names none because of its errors. */
  readonly rules: number | 'none named' | undefined
}

async function examine(args: ValidateArguments, io: CommandIo, world: ValidateWorld): Promise<Examined> {
  const read = await Promise.all(args.configFiles.map(readConfigFile))
  const unreadable = read.flatMap(file => ('text' in file ? [] : [file.issue]))
  const files = read.flatMap(file => ('text' in file ? [file] : []))
  const loading = loadConfig({ files, env: io.env, flags: args.flags }, world.handlers)
  // Errors of the configuration are no reason to keep those of the rules for the next run.
  const { readable: config, issues } = loading
  const repositories = args.rules.length > 0 ? args.rules : config.list('access_rules.repositories')
  if (unreadable.length > 0 || (loading.config === undefined && repositories.length === 0)) {
    return { issues: [...unreadable, ...issues], notices: [], rules: undefined }
  }
  if (args.configFiles.length === 0 && repositories.length === 0) {
    return { issues, notices: [], rules: 'none named' }
  }
  const sources = createRuleSources({
    fetch: world.fetch,
    directory: world.directory,
    breathe: () => undefined,
  })
  const loaded = await sources.load(repositories, args.rules.length > 0 ? undefined : entryPlaces(config))
  const compiled = await world.compile(config, loaded.readable)
  const none = args.rules.length === 0 && loaded.complete && loaded.rules.length === 0
  return {
    issues: [
      ...issues,
      ...loaded.issues,
      ...(none ? withoutRules(config) : []),
      ...compiled.filter(found => !toldBefore(found, issues)),
    ],
    // What a default does is said at start; here only what somebody wrote.
    notices: config.notices.filter(notice => notice.source !== 'defaults'),
    rules: loaded.readable.length,
  }
}

/** What is wrong with a handler's section is wrong again with each rule that uses it. */
const toldBefore = (found: Issue, issues: readonly Issue[]): boolean =>
  found.severity === 'error' && issues.some(one => one.severity === 'error' && one.message === found.message)

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
