/** The configuration: settings and the base configuration of every handler, from files, flags and variables. */
import { fileVariables, settingKeys } from '../config/environment.ts'
import { diagnosticAt, type Layer } from '../config/layers.ts'
import { loadSettings, type SettingsDefinition } from '../config/load_settings.ts'
import type { SettingValues } from '../config/setting.ts'
import { type ConfigSources, readConfigSources, type SourceNames } from '../config/sources.ts'
import { type Diagnostic, sortDiagnostics } from '../documents/diagnostic.ts'
import type { GlobalHandlers } from '../handlers/builder.ts'
import { HANDLER_SECTIONS, handlerVariableKeys, readHandlers } from '../handlers/compile/sections.ts'
import type { AnyHandler } from '../handlers/handler.ts'
import { closestMatch } from '../lib/closest_match.ts'
import { ruleSettings } from '../rules/settings.ts'
import { SETTING_CHECKS, SETTINGS } from './settings.ts'

export type { ConfigSources } from '../config/sources.ts'

export interface Config extends SettingValues {
  readonly handlers: GlobalHandlers
  /** Accepted keys without effect, defaults that differ from Oathkeeper's, values that lower security: logged at startup. */
  readonly notices: readonly Diagnostic[]
}

export interface LoadedConfig {
  /** Absent when there is any error. */
  readonly config: Config | undefined
  /** The configuration with defaults for invalid values: good for checking rules, not for serving. */
  readonly bestEffort: Config
  readonly issues: readonly Diagnostic[]
}

/** Reads the files that the command line and the environment name. */
export const readSources = (names: SourceNames, handlers: readonly AnyHandler[]) =>
  readConfigSources(
    names,
    fileVariables([...settingKeys(SETTINGS), ...namedHandlerKeys(names.env, handlers)]),
  )

/** Every variable of a handler's key starts with its section. */
const HANDLER_VARIABLE = new RegExp(
  `^(?:${HANDLER_SECTIONS.map(([, [section]]) => section).join('|')})_`,
  'i',
)

/** The keys of handlers, from their schemas; none where no variable can name one, which saves a start a quarter of its time. */
const namedHandlerKeys = (env: NodeJS.ProcessEnv, handlers: readonly AnyHandler[]) =>
  Object.keys(env).some(name => HANDLER_VARIABLE.test(name.toUpperCase()))
    ? handlerVariableKeys(handlers)
    : []

/** Later sources override earlier ones: defaults, files, flags, variables. */
export function loadConfig(sources: ConfigSources, handlers: readonly AnyHandler[]): LoadedConfig {
  const definition: SettingsDefinition = {
    settings: SETTINGS,
    checks: SETTING_CHECKS,
    sections: HANDLER_SECTIONS.map(([, path]) => path),
    sectionKeys: namedHandlerKeys(sources.env, handlers),
  }
  const { values, document, layers, notices, diagnostics } = loadSettings(sources, definition)
  const issues = [...diagnostics]
  const globalHandlers = readHandlers(document, handlers, layers, issues)
  const responders = handlers.filter(one => one.kind === 'error').map(one => one.id)
  checkFallback(values.get(ruleSettings.fallback), responders, globalHandlers, layers, issues)
  const bestEffort: Config = Object.freeze({ ...values, handlers: globalHandlers, notices })
  const usable = !issues.some(issue => issue.severity === 'error')
  return { config: usable ? bestEffort : undefined, bestEffort, issues: sortDiagnostics(issues) }
}

/** Oathkeeper answers 500 where it would use a fallback that is unknown or not enabled. */
function checkFallback(
  fallback: readonly string[],
  known: readonly string[],
  globalHandlers: GlobalHandlers,
  layers: readonly Layer[],
  diagnostics: Diagnostic[],
): void {
  fallback.forEach((id, i) => {
    if (globalHandlers.error.get(id)?.enabled === true) return
    const suggestion = closestMatch(id, known)
    const [problem, hint] = known.includes(id)
      ? [`error handler "${id}" is not enabled`, `set errors.handlers.${id}.enabled: true`]
      : [
          `unknown error handler "${id}"`,
          suggestion ? `did you mean "${suggestion}"?` : `known: ${known.join(', ')}`,
        ]
    const path = ['errors', 'fallback', i]
    diagnostics.push(
      diagnosticAt(layers, 'warning', path, `${problem}: requests are answered with 500`, hint),
    )
  })
}
