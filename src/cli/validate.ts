/** Reports every problem of the configuration and of all rules, sorted by file and line. */

import { type Config, loadConfig, readSources } from '../app/config.ts'
import { noRulesWarning, repositoryLocator } from '../app/ruleset.ts'
import type { Send } from '../clients/http/message.ts'
import { type Diagnostic, formatDiagnostic, sortDiagnostics } from '../documents/diagnostic.ts'
import type { AnyHandler } from '../handlers/handler.ts'
import type { LocatedRule } from '../rules/parse.ts'
import { createRuleSources } from '../rules/repositories/sources.ts'
import { ruleSettings } from '../rules/settings.ts'
import type { ConfigArguments, Streams } from './arguments.ts'

export interface ValidateArguments extends ConfigArguments {
  /** Repositories to check instead of those of the configuration. */
  readonly rules: readonly string[]
  /** Warnings count as errors. */
  readonly strict: boolean
}

/** The parts of the service that a validation uses. */
export interface ValidateDependencies {
  readonly handlers: readonly AnyHandler[]
  /** http(s) and object stores. */
  readonly fetch: Send
  /** Compiles rules and returns their problems. */
  readonly compile: (config: Config, rules: readonly LocatedRule[]) => Promise<readonly Diagnostic[]>
  /** Base of relative repository paths. */
  readonly directory: string
}

/** Resolves to the exit code: 0 without errors (with `strict`: without warnings), 1 with errors, 2 if there is nothing to check. */
export async function validate(
  args: ValidateArguments,
  streams: Streams,
  dependencies: ValidateDependencies,
): Promise<number> {
  const { issues, notices, ruleCount } = await runValidation(args, streams, dependencies)
  const counted = issues.map(issue =>
    args.strict && issue.severity === 'warning' ? { ...issue, severity: 'error' as const } : issue,
  )
  for (const issue of sortDiagnostics([...counted, ...notices])) streams.out(`${formatDiagnostic(issue)}\n`)
  if (ruleCount === 'none named') {
    streams.err('error: nothing to check; give a configuration with --config FILE, or rule files\n')
    return 2
  }
  const errors = counted.filter(issue => issue.severity === 'error').length
  const warnings = [...counted, ...notices].filter(issue => issue.severity === 'warning').length
  const summary = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`
  streams.out(
    ruleCount === undefined
      ? `${summary}; rules not checked\n`
      : `${summary} in ${plural(ruleCount, 'rule')}\n`,
  )
  return errors === 0 ? 0 : 1
}

interface ValidationResult {
  readonly issues: readonly Diagnostic[]
  /** Accepted keys without effect: reported, but no errors even with `strict`. */
  readonly notices: readonly Diagnostic[]
  /** `undefined` if the rules could not be checked because of errors in the configuration. */
  readonly ruleCount: number | 'none named' | undefined
}

async function runValidation(
  args: ValidateArguments,
  streams: Streams,
  dependencies: ValidateDependencies,
): Promise<ValidationResult> {
  const { sources, unreadable } = await readSources({ ...args, env: streams.env }, dependencies.handlers)
  const loadedConfig = loadConfig(sources, dependencies.handlers)
  // Rules are checked even if the configuration has errors, so that one run reports the problems of both.
  const { bestEffort: config, issues } = loadedConfig
  const repositories = args.rules.length > 0 ? args.rules : config.get(ruleSettings.repositories)
  if (unreadable.length > 0 || (loadedConfig.config === undefined && repositories.length === 0)) {
    return { issues: [...unreadable, ...issues], notices: [], ruleCount: undefined }
  }
  if (args.configFiles.length === 0 && repositories.length === 0) {
    return { issues, notices: [], ruleCount: 'none named' }
  }
  const ruleSources = createRuleSources({
    fetch: dependencies.fetch,
    directory: dependencies.directory,
    yieldToEventLoop: () => undefined,
  })
  const loadedRules = await ruleSources.load(
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
    // Notices about defaults are logged at startup only.
    notices: config.notices.filter(notice => notice.source !== 'defaults'),
    ruleCount: loadedRules.decodedRules.length,
  }
}

/** A problem of a handler's base configuration appears again in each rule that uses the handler. */
const alreadyReported = (found: Diagnostic, issues: readonly Diagnostic[]): boolean =>
  found.severity === 'error' && issues.some(one => one.severity === 'error' && one.message === found.message)

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
