/** cli/validate — every issue of the configuration and of all rules, sorted as a compiler shows them. Knows no handler: `world` compiles. */

import { type Config, loadConfig } from '../app/config.ts'
import { noRulesWarning, repositoryLocator } from '../app/ruleset.ts'
import type { Send } from '../clients/http/message.ts'
import { readConfigFile } from '../config/files.ts'
import { type Diagnostic, formatDiagnostic, sortDiagnostics } from '../documents/issue.ts'
import type { AnyHandler } from '../handlers/handler.ts'
import type { LocatedRule } from '../rules/parse.ts'
import { createRuleSources } from '../rules/repositories/sources.ts'
import type { ConfigArguments, Streams } from './arguments.ts'

export interface ValidateArguments extends ConfigArguments {
  /** Repositories to check instead of those of the configuration. */
  readonly rules: readonly string[]
  /** Warnings count as errors. */
  readonly strict: boolean
}

/** What a check needs of the service without starting it. */
export interface ValidateDependencies {
  readonly handlers: readonly AnyHandler[]
  /** http(s) and the stores of the clouds. */
  readonly fetch: Send
  /** Compiles without keeping anything; what is wrong is the answer. */
  readonly compile: (config: Config, rules: readonly LocatedRule[]) => Promise<readonly Diagnostic[]>
  /** Where relative repositories start. */
  readonly directory: string
}

/** Exit code 0 when there is no error (with `strict`: no warning either), else 1; 2 where nothing was named that could be checked. */
export async function validate(
  args: ValidateArguments,
  streams: Streams,
  dependencies: ValidateDependencies,
): Promise<number> {
  const { issues, notices, ruleCount } = await runValidation(args, streams, dependencies)
  const counted = issues.map(issue => (args.strict ? { ...issue, severity: 'error' as const } : issue))
  for (const issue of sortDiagnostics([...counted, ...notices])) streams.out(`${formatDiagnostic(issue)}\n`)
  if (ruleCount === 'none named') {
    streams.err('error: there is nothing to check: name a configuration with --config FILE, or rule files\n')
    return 2
  }
  const errors = counted.filter(issue => issue.severity === 'error').length
  const warnings = counted.length - errors + notices.length
  const summary = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
  streams.out(
    ruleCount === undefined
      ? `${summary}; no rules were read\n`
      : `${summary} in ${plural(ruleCount, 'rule')}\n`,
  )
  return errors === 0 ? 0 : 1
}

interface ValidationResult {
  readonly issues: readonly Diagnostic[]
  /** Accepted keys without effect: told, and no fault of the user's even where warnings are errors. */
  readonly notices: readonly Diagnostic[]
  /** `undefined` where the configuration cannot be read, or names none because of its errors. */
  readonly ruleCount: number | 'none named' | undefined
}

async function runValidation(
  args: ValidateArguments,
  streams: Streams,
  dependencies: ValidateDependencies,
): Promise<ValidationResult> {
  const read = await Promise.all(args.configFiles.map(readConfigFile))
  const unreadable = read.flatMap(file => ('text' in file ? [] : [file.issue]))
  const files = read.flatMap(file => ('text' in file ? [file] : []))
  const loadedConfig = loadConfig({ files, env: streams.env, flags: args.flags }, dependencies.handlers)
  // Errors of the configuration are no reason to keep those of the rules for the next run.
  const { bestEffort: config, issues } = loadedConfig
  const repositories = args.rules.length > 0 ? args.rules : config.list('access_rules.repositories')
  if (unreadable.length > 0 || (loadedConfig.config === undefined && repositories.length === 0)) {
    return { issues: [...unreadable, ...issues], notices: [], ruleCount: undefined }
  }
  if (args.configFiles.length === 0 && repositories.length === 0) {
    return { issues, notices: [], ruleCount: 'none named' }
  }
  const sources = createRuleSources({
    fetch: dependencies.fetch,
    directory: dependencies.directory,
    yieldToEventLoop: () => undefined,
  })
  const loadedRules = await sources.load(
    repositories,
    args.rules.length > 0 ? undefined : repositoryLocator(config),
  )
  const compiled = await dependencies.compile(config, loadedRules.decodedRules)
  const noRules = args.rules.length === 0 && loadedRules.allLoaded && loadedRules.rules.length === 0
  return {
    issues: [
      ...issues,
      ...loadedRules.diagnostics,
      ...(noRules ? noRulesWarning(config) : []),
      ...compiled.filter(found => !alreadyReported(found, issues)),
    ],
    // What a default does is said at start; here only what somebody wrote.
    notices: config.notices.filter(notice => notice.source !== 'defaults'),
    ruleCount: loadedRules.decodedRules.length,
  }
}

/** What is wrong with a handler's section is wrong again with each rule that uses it. */
const alreadyReported = (found: Diagnostic, issues: readonly Diagnostic[]): boolean =>
  found.severity === 'error' && issues.some(one => one.severity === 'error' && one.message === found.message)

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
