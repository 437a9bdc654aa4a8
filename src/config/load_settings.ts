/** Merges defaults, files, flags and variables into checked values of settings, with every problem of every source. */
import type { Diagnostic, DocumentPath } from '../documents/diagnostic.ts'
import { closestMatch } from '../lib/closest_match.ts'
import { deepMerge } from '../lib/merge.ts'
import { environmentLayer, parentKeys, settingKeys, type VariableKey } from './environment.ts'
import { diagnosticAt, fileLayer, flagLayer, type Layer, positionIn } from './layers.ts'
import type { Setting, SettingValues, ValueProblem } from './setting.ts'
import type { ConfigSources } from './sources.ts'

/** What is wrong with settings that are each valid alone. */
export interface SettingProblem extends ValueProblem {
  readonly path: readonly string[]
}

export interface SettingsDefinition {
  readonly settings: readonly Setting<unknown>[]
  /** Constraints between settings; called with values that have their types. */
  readonly checks: readonly ((values: Pick<SettingValues, 'get'>) => readonly SettingProblem[])[]
  /** Maps whose content is not made of settings, and the variables that may set their keys. */
  readonly sections: readonly (readonly string[])[]
  readonly sectionKeys: readonly VariableKey[]
}

export interface LoadedSettings {
  /** Invalid values are replaced by their defaults. */
  readonly values: SettingValues
  /** The merged document, unchecked. */
  readonly document: unknown
  readonly layers: readonly Layer[]
  /** Accepted keys without effect, and values that the operator should know about. */
  readonly notices: readonly Diagnostic[]
  readonly diagnostics: readonly Diagnostic[]
}

/** Later sources override earlier ones: defaults, files, flags, variables. */
export function loadSettings(sources: ConfigSources, definition: SettingsDefinition): LoadedSettings {
  const { settings } = definition
  const diagnostics: Diagnostic[] = []
  const keys = [...settingKeys(settings), ...definition.sectionKeys]
  const layers = sources.files.flatMap(file => fileLayer(file.source, file.text, diagnostics) ?? [])
  layers.push(
    flagLayer(sources.flags, settings, diagnostics),
    environmentLayer(
      sources.env,
      sources.secretFiles ?? new Map(),
      [...parentKeys(keys), ...keys],
      diagnostics,
    ),
  )
  const document = layers.reduce<unknown>((below, layer) => deepMerge(below, layer.value), {})
  reportUnknownKeys(document, [], definition, layers, diagnostics)
  const values = readValues(document, definition, layers, diagnostics)
  return { values, document, layers, notices: noticesOf(settings, document, values, layers), diagnostics }
}

function readValues(
  document: unknown,
  { settings, checks }: SettingsDefinition,
  layers: readonly Layer[],
  diagnostics: Diagnostic[],
): SettingValues {
  const values = new Map<string, unknown>()
  for (const setting of settings) {
    const raw = valueAt(document, setting.path) ?? setting.default
    const parsed = raw === undefined ? { value: undefined } : setting.parse(raw)
    if ('value' in parsed) values.set(setting.path, parsed.value)
    else {
      for (const { message, hint } of parsed.problems) {
        diagnostics.push(diagnosticAt(layers, 'error', setting.path.split('.'), message, hint))
      }
      const fallback = setting.default === undefined ? undefined : setting.parse(setting.default)
      values.set(setting.path, fallback !== undefined && 'value' in fallback ? fallback.value : undefined)
    }
  }
  const result: SettingValues = {
    get<T>({ path }: Setting<T>): T {
      if (!values.has(path)) throw new Error(`${path} is not a setting of this configuration`)
      return values.get(path) as T
    },
    positionOf: path => positionIn(layers, path),
  }
  for (const { path, message, hint } of checks.flatMap(check => check(result))) {
    diagnostics.push(diagnosticAt(layers, 'error', path, message, hint))
  }
  return result
}

function noticesOf(
  settings: readonly Setting<unknown>[],
  document: unknown,
  values: SettingValues,
  layers: readonly Layer[],
): readonly Diagnostic[] {
  const byValue = settings.flatMap(setting => {
    const { path, warnIf } = setting
    if (warnIf === undefined || values.get(setting) !== warnIf.value) return []
    return [diagnosticAt(layers, 'warning', path.split('.'), warnIf.message, warnIf.hint)]
  })
  const unset = settings.flatMap((setting): Diagnostic[] => {
    const { path, warnIfUnset } = setting
    if (warnIfUnset === undefined || values.get(setting) !== undefined) return []
    return [{ severity: 'warning', source: 'defaults', line: 0, column: 0, path, ...warnIfUnset }]
  })
  return [...noticesOfIgnored(settings, document, values, layers), ...byValue, ...unset]
}

/** Keys without effect. Those of one section and with one reason are one notice: a section has up to twenty of them. */
function noticesOfIgnored(
  settings: readonly Setting<unknown>[],
  document: unknown,
  values: SettingValues,
  layers: readonly Layer[],
): readonly Diagnostic[] {
  const pathsByReason = new Map<string, (readonly string[])[]>()
  for (const setting of settings) {
    const { path, ignoredBecause } = setting
    if (ignoredBecause === undefined || valueAt(document, path) === undefined) continue
    if (!asksForSomething(setting, settings, values)) continue
    pathsByReason.set(ignoredBecause, [...(pathsByReason.get(ignoredBecause) ?? []), path.split('.')])
  }
  return [...pathsByReason].flatMap(([reason, paths]) => {
    const section = paths.reduce(commonStart)
    const isIgnored = settings.every(
      ({ path, ignoredBecause }) =>
        ignoredBecause !== undefined || commonStart(section, path.split('.')).length < section.length,
    )
    // A variable has a name of its own, and there is none for its section.
    const isInFile = section.length > 0 && positionIn(layers, section).line > 0
    const reported = isIgnored && isInFile ? [section] : paths
    return reported.map(path => diagnosticAt(layers, 'warning', path, 'accepted, without effect', reason))
  })
}

/** False for a flag that repeats its default, and in a section that is off: the operator asked for nothing. */
function asksForSomething(
  setting: Setting<unknown>,
  settings: readonly Setting<unknown>[],
  values: SettingValues,
): boolean {
  const value = values.get(setting)
  if (typeof value === 'boolean' && value === setting.default) return false
  const enabledPath = setting.path.replace(/[^.]*$/, 'enabled')
  const enabled = settings.find(({ path }) => path === enabledPath)
  return enabled === undefined || values.get(enabled) === true
}

function commonStart(a: readonly string[], b: readonly string[]): readonly string[] {
  const length = a.findIndex((key, i) => key !== b[i])
  return length < 0 ? a : a.slice(0, length)
}

/** Every key must be a setting, a parent of one, or a key of a section. */
function reportUnknownKeys(
  value: unknown,
  path: readonly string[],
  definition: SettingsDefinition,
  layers: readonly Layer[],
  diagnostics: Diagnostic[],
): void {
  if (!isPlainObject(value)) return
  const known = new Set(
    [...definition.settings.map(one => one.path.split('.')), ...definition.sections].flatMap(keys =>
      path.every((key, i) => keys[i] === key) ? (keys[path.length] ?? []) : [],
    ),
  )
  for (const [key, member] of Object.entries(value)) {
    const at = [...path, key]
    if (!known.has(key)) {
      const suggestion = closestMatch(key, known)
      const hint = suggestion && `did you mean "${suggestion}"?`
      diagnostics.push(diagnosticAt(layers, 'error', at, `unknown key "${key}"`, hint))
    } else if (isLeaf(at, definition)) continue
    else if (isPlainObject(member)) reportUnknownKeys(member, at, definition, layers, diagnostics)
    else if (member !== null) diagnostics.push(diagnosticAt(layers, 'error', at, 'must be a map'))
  }
}

const isLeaf = (path: DocumentPath, { settings, sections }: SettingsDefinition): boolean =>
  settings.some(one => one.path === path.join('.')) ||
  sections.some(section => section.join('.') === path.join('.'))

export type PlainObject = Readonly<Record<string, unknown>>

export const isPlainObject = (value: unknown): value is PlainObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const valueAt = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((at, key) => (isPlainObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), value)
