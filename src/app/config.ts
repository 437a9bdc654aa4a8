/** config — the service's own settings and Oathkeeper's: files, flags and environment to one frozen value, with every issue of every source. */
import { SETTING_CONSTRAINTS } from '../config/demands.ts'
import {
  HANDLER_SECTIONS,
  handlerVariableKeys,
  isPlainObject,
  readHandlers,
} from '../config/handler_sections.ts'
import {
  diagnosticAt,
  environmentLayer,
  fileLayer,
  flagLayer,
  type Layer,
  parentKeys,
  positionIn,
  type VariableKey,
} from '../config/layers.ts'
import { checkRedisSettings } from '../config/redis_checks.ts'
import { describeType, parseValue } from '../config/setting_value.ts'
import { SETTINGS, type Setting } from '../config/settings.ts'
import { type Diagnostic, type DocumentPath, sortDiagnostics } from '../documents/issue.ts'
import type { GlobalHandlers } from '../handlers/builder.ts'
import type { AnyHandler } from '../handlers/handler.ts'
import { closestMatch } from '../lib/closest_match.ts'
import { deepMerge } from '../lib/merge.ts'

export interface Config {
  /** A setting by its path; durations in milliseconds. Throws for a path that is not in the table. */
  text(path: string): string | undefined
  number(path: string): number
  /** `undefined` where nobody set it and it has no default. */
  numberIfSet(path: string): number | undefined
  flag(path: string): boolean
  list(path: string): readonly string[]
  /** A setting of whatever type, to be compared. */
  value(path: string): unknown
  readonly handlers: GlobalHandlers
  /** Accepted keys without effect, and defaults that are not Oathkeeper's: named at start, never silent. */
  readonly notices: readonly Diagnostic[]
  /** Where a value was written. */
  place(path: DocumentPath): { readonly source: string; readonly line: number; readonly column: number }
}

export interface ConfigSources {
  /** Later ones win. */
  readonly files: readonly { readonly source: string; readonly text: string }[]
  readonly env: NodeJS.ProcessEnv
  /** Text by setting path. */
  readonly flags: ReadonlyMap<string, string>
}

export interface LoadedConfig {
  /** Absent when there is any error. */
  readonly config: Config | undefined
  /** What could be read in spite of errors, with defaults for the rest: to look at rules with, not to serve with. */
  readonly bestEffort: Config
  readonly issues: readonly Diagnostic[]
}

/** Defaults < files < flags < environment (spec 8.1). */
export function loadConfig(sources: ConfigSources, handlers: readonly AnyHandler[]): LoadedConfig {
  const issues: Diagnostic[] = []
  const keys: readonly VariableKey[] = [
    ...SETTINGS.map(({ path, type, ours }) => ({ path: path.split('.'), type, ours })),
    ...handlerVariableKeys(handlers),
  ]
  const layers: Layer[] = sources.files.flatMap(file => fileLayer(file.source, file.text, issues) ?? [])
  layers.push(
    flagLayer(sources.flags, issues),
    environmentLayer(sources.env, [...parentKeys(keys), ...keys], issues),
  )
  const value = layers.reduce<unknown>((below, layer) => deepMerge(below, layer.value), {})
  reportUnknownKeys(value, [], layers, issues)
  const settings = readSettingValues(value, layers, issues)
  const globalHandlers = readHandlers(value, handlers, layers, issues)
  const responders = handlers.filter(one => one.kind === 'error').map(one => one.id)
  checkFallback(
    settings.get('errors.fallback') as readonly string[],
    responders,
    globalHandlers,
    layers,
    issues,
  )
  const ignored = SETTINGS.filter(one => one.idle !== undefined && isSet(value, one.path)).map(one =>
    diagnosticAt(layers, 'warning', one.path.split('.'), 'accepted, without effect', one.idle),
  )
  const relaxed = RELAXED_SETTINGS.filter(({ path, value: one }) => settings.get(path) === one).map(one =>
    diagnosticAt(layers, 'warning', one.path.split('.'), one.message, one.hint),
  )
  const notices = [
    ...ignored,
    ...relaxed,
    ...LOOPBACK_BY_DEFAULT.filter(path => !settings.has(path)).map(loopbackNotice),
  ]
  const sorted = sortDiagnostics(issues)
  const bestEffort = createConfig(settings, globalHandlers, notices, layers)
  const usable = !issues.some(issue => issue.severity === 'error')
  return { config: usable ? bestEffort : undefined, bestEffort, issues: sorted }
}

/** Settings that bring back what is refused or read more strictly for a reason (architecture 13.5). */
const RELAXED_SETTINGS = [
  {
    path: 'paths',
    value: 'oathkeeper',
    message: 'paths that can be read in two ways are decoded and cleaned, not refused',
    hint: 'have Envoy normalise paths and reject escaped slashes, or leave it out',
  },
  {
    path: 'hosts',
    value: 'exact',
    message: 'hosts are compared byte by byte: another case, or a port, is another host',
    hint: 'a rule for all hosts but one can be evaded that way; leave it out where you can',
  },
] as const

/** Hosts that are loopback where nobody says otherwise; Oathkeeper listens on all interfaces (architecture 14.11). */
const LOOPBACK_BY_DEFAULT: readonly string[] = ['serve.api.host', 'serve.prometheus.host']

const loopbackNotice = (path: string): Diagnostic => ({
  severity: 'warning',
  source: 'defaults',
  line: 0,
  column: 0,
  path,
  message: 'not set: listens on loopback only',
  hint: 'set it to "" for all interfaces, as Oathkeeper does',
})

const isSet = (value: unknown, path: string): boolean => valueAt(value, path) !== undefined

const valueAt = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((at, key) => (isPlainObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), value)

/** Every key must be a setting, a part of the way to one, or a handler's. */
function reportUnknownKeys(
  value: unknown,
  path: readonly string[],
  layers: readonly Layer[],
  issues: Diagnostic[],
): void {
  if (!isPlainObject(value)) return
  const prefix = path.length === 0 ? '' : `${path.join('.')}.`
  const known = new Set(
    SETTINGS.filter(one => one.path.startsWith(prefix)).map(
      one => one.path.slice(prefix.length).split('.')[0] as string,
    ),
  )
  for (const [, section] of HANDLER_SECTIONS) {
    if (path.every((key, i) => section[i] === key) && section.length > path.length)
      known.add(section[path.length] as string)
  }
  for (const [key, member] of Object.entries(value)) {
    const at = [...path, key]
    if (!known.has(key)) {
      const suggestion = closestMatch(key, known)
      issues.push(
        diagnosticAt(
          layers,
          'error',
          at,
          `unknown key "${key}"`,
          suggestion && `did you mean "${suggestion}"?`,
        ),
      )
    } else if (HANDLER_SECTIONS.some(([, section]) => section.join('.') === at.join('.'))) continue
    else if (SETTINGS.some(one => one.path === at.join('.'))) continue
    else if (isPlainObject(member)) reportUnknownKeys(member, at, layers, issues)
    else if (member !== null) issues.push(diagnosticAt(layers, 'error', at, 'must be a map'))
  }
}

type SettingValues = ReadonlyMap<string, unknown>

function readSettingValues(value: unknown, layers: readonly Layer[], issues: Diagnostic[]): SettingValues {
  const settings = new Map<string, unknown>()
  for (const setting of SETTINGS) {
    const raw = valueAt(value, setting.path) ?? setting.default
    if (raw === undefined || raw === null) continue
    const read = parseValue(raw, setting.type)
    if (read === undefined) {
      issues.push(
        diagnosticAt(layers, 'error', setting.path.split('.'), `must be ${describeType(setting.type)}`),
      )
      const fallback = parseValue(setting.default, setting.type)
      if (fallback !== undefined) settings.set(setting.path, fallback)
    } else settings.set(setting.path, read)
  }
  for (const { path, holds: met, message, hint } of SETTING_CONSTRAINTS) {
    if (settings.has(path) && !met(settings.get(path))) {
      issues.push(diagnosticAt(layers, 'error', path.split('.'), message, hint))
    }
  }
  for (const { path, message, hint } of checkRedisSettings(settings)) {
    issues.push(diagnosticAt(layers, 'error', path, message, hint))
  }
  return settings
}

/** A fallback that is unknown or switched off answers 500 where it would be used. */
function checkFallback(
  fallback: readonly string[] | undefined,
  known: readonly string[],
  globalHandlers: GlobalHandlers,
  layers: readonly Layer[],
  issues: Diagnostic[],
): void {
  fallback?.forEach((id, i) => {
    if (globalHandlers.error.get(id)?.enabled === true) return
    const path = ['errors', 'fallback', i]
    const suggestion = closestMatch(id, known)
    const [problem, hint] = known.includes(id)
      ? [`error handler "${id}" is not enabled`, `set errors.handlers.${id}.enabled: true`]
      : [
          `unknown error handler "${id}"`,
          suggestion ? `did you mean "${suggestion}"?` : `known: ${known.join(', ')}`,
        ]
    issues.push(diagnosticAt(layers, 'warning', path, `${problem}: it answers 500`, hint))
  })
}

function createConfig(
  settings: SettingValues,
  handlers: GlobalHandlers,
  notices: readonly Diagnostic[],
  layers: readonly Layer[],
): Config {
  const get = (path: string): unknown => {
    if (!KNOWN_PATHS.has(path)) throw new Error(`no setting ${path}`)
    return settings.get(path)
  }
  return Object.freeze({
    text: (path: string) => get(path) as string | undefined,
    number: (path: string) => get(path) as number,
    numberIfSet: (path: string) => get(path) as number | undefined,
    flag: (path: string) => get(path) === true,
    list: (path: string) => (get(path) ?? []) as readonly string[],
    value: get,
    handlers,
    notices,
    place: (path: DocumentPath) => positionIn(layers, path),
  })
}

const KNOWN_PATHS: ReadonlySet<string> = new Set(SETTINGS.map((one: Setting) => one.path))
