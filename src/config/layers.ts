/** config/layers — files, flags and environment laid over one another, remembering who said what. Knows the settings, not their meaning. */
import { parse as parseToml, TomlError } from 'smol-toml'
import { type Diagnostic, type DocumentPath, formatPath } from '../documents/issue.ts'
import { parseYaml } from '../documents/yaml.ts'
import { closestMatch } from '../lib/closest_match.ts'
import { deepMerge } from '../lib/merge.ts'
import { describeType, parseText, type ValueType } from './setting_value.ts'
import { flagName, SETTINGS, variableName } from './settings.ts'

/** One source of settings. */
export interface Layer {
  readonly source: string
  readonly value: unknown
  /** 1-based; 0 where the source has no lines. */
  positionOf(path: DocumentPath): { readonly line: number; readonly column: number }
}

/** A key that a variable may name: settings and the keys of handlers. */
export interface VariableKey {
  readonly path: readonly string[]
  readonly type: ValueType
  readonly ours?: true | undefined
}

/** Maps on the way to a key have variables too, in JSON; the shorter path first, so that what is inside is laid over it. */
export function parentKeys(keys: readonly VariableKey[]): readonly VariableKey[] {
  const known = new Set(keys.map(({ path }) => path.join('.')))
  const parents = new Map<string, VariableKey>()
  for (const { path } of keys.filter(leaf => !leaf.ours)) {
    for (let length = 2; length < path.length; length++) {
      const prefix = path.slice(0, length)
      if (!known.has(prefix.join('.'))) parents.set(prefix.join('.'), { path: prefix, type: 'object' })
    }
  }
  return [...parents.values()].sort((a, b) => a.path.length - b.path.length)
}

const UNKNOWN_POSITION = () => ({ line: 0, column: 0 })
const ENVIRONMENT = 'environment'
const COMMAND_LINE = 'command line'

/** A file's text by its name's ending: `.toml`, else YAML (of which JSON is a part). */
export function fileLayer(source: string, text: string, issues: Diagnostic[]): Layer | undefined {
  if (/\.toml$/i.test(source)) return tomlLayer(source, text, issues)
  const document = parseYaml(text, 'config')
  if (document.kind === 'fault') {
    const { line, column, message, hint } = document
    issues.push({ severity: 'error', source, line, column, path: '', message, hint })
    return undefined
  }
  for (const { key, line, column } of document.duplicates) {
    const message = `duplicate key "${key}"`
    issues.push({
      severity: 'warning',
      source,
      line,
      column,
      path: key,
      message,
      hint: 'the last one counts',
    })
  }
  const value = document.value ?? {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    issues.push({
      severity: 'error',
      source,
      line: 1,
      column: 1,
      path: '',
      message: 'a configuration is a map',
      hint: '',
    })
    return undefined
  }
  return { source, value, positionOf: path => document.positionOf(path) }
}

function tomlLayer(source: string, text: string, issues: Diagnostic[]): Layer | undefined {
  try {
    return { source, value: parseToml(text), positionOf: UNKNOWN_POSITION }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const { line, column } = error
    // Its message draws the place, on lines of its own.
    const message = (error.message.split('\n', 1)[0] as string).replace(/^Invalid TOML document: /, '')
    issues.push({ severity: 'error', source, line, column, path: '', message, hint: 'it must be TOML' })
    return undefined
  }
}

/**
 * Variables: Oathkeeper's names (any case, no prefix, of more than one segment: Q-90) for its keys, `CREDENCE_…` for ours.
 * A value that is not of its key's type is an error, never a silent zero.
 */
export function environmentLayer(
  env: NodeJS.ProcessEnv,
  keys: readonly VariableKey[],
  issues: Diagnostic[],
): Layer {
  const byName = new Map(Object.entries(env).map(([name, value]) => [name.toUpperCase(), value ?? '']))
  let value: unknown = {}
  for (const key of keys) {
    const unprefixed = key.path.join('_').toUpperCase()
    if (key.path.length < 2 && !key.ours) continue
    const name = key.ours ? `CREDENCE_${unprefixed}` : unprefixed
    const text = byName.get(name) ?? indexedListJson(byName, name, key.type)
    if (text === undefined) continue
    const read = parseText(text, key.type)
    if (read === undefined) {
      const message = `must be ${describeType(key.type)}`
      issues.push({
        severity: 'error',
        source: ENVIRONMENT,
        line: 0,
        column: 0,
        path: name,
        message,
        hint: '',
      })
    } else value = deepMerge(value, nestUnder(key.path, read))
  }
  const known = new Set(SETTINGS.filter(one => one.ours).map(variableName))
  for (const name of byName.keys()) {
    if (!name.startsWith('CREDENCE_') || known.has(name) || NON_SETTING_VARIABLES.has(name)) continue
    const suggestion = closestMatch(name, known)
    issues.push({
      severity: 'warning',
      source: ENVIRONMENT,
      line: 0,
      column: 0,
      path: name,
      message: 'unknown variable',
      hint: suggestion === undefined ? 'it is ignored' : `did you mean ${suggestion}?`,
    })
  }
  return { source: ENVIRONMENT, value, positionOf: UNKNOWN_POSITION }
}

/** Variables of the project that are not settings. */
const NON_SETTING_VARIABLES: ReadonlySet<string> = new Set([
  'CREDENCE_CACHE',
  'CREDENCE_CONFIG',
  'CREDENCE_KRATOS',
])

/** Flags as the command line hands them over: text by setting path. */
export function flagLayer(flags: ReadonlyMap<string, string>, issues: Diagnostic[]): Layer {
  let value: unknown = {}
  for (const setting of SETTINGS) {
    const text = flags.get(setting.path)
    if (text === undefined) continue
    const read = parseText(text, setting.type)
    if (read === undefined) {
      const message = `must be ${describeType(setting.type)}`
      issues.push({
        severity: 'error',
        source: COMMAND_LINE,
        line: 0,
        column: 0,
        path: flagName(setting),
        message,
        hint: '',
      })
    } else value = deepMerge(value, nestUnder(setting.path.split('.'), read))
  }
  return { source: COMMAND_LINE, value, positionOf: UNKNOWN_POSITION }
}

/** `NAME_0`, `NAME_1`, … as elements of a list. */
function indexedListJson(
  env: ReadonlyMap<string, string>,
  name: string,
  type: VariableKey['type'],
): string | undefined {
  if (type !== 'strings' && type !== 'set' && type !== 'methods') return undefined
  const items: string[] = []
  for (let i = 0; env.has(`${name}_${i}`); i++) items.push(env.get(`${name}_${i}`) as string)
  return items.length === 0 ? undefined : JSON.stringify(items)
}

const nestUnder = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)

/** The layer that says what holds at a path, or at its nearest parent: the last one in which it stands. */
export function positionIn(
  layers: readonly Layer[],
  path: DocumentPath,
): { source: string; line: number; column: number } {
  for (let length = path.length; length > 0; length--) {
    const prefix = path.slice(0, length)
    const layer = layers.findLast(one => hasPath(one.value, prefix))
    if (layer !== undefined) return { source: layer.source, ...layer.positionOf(prefix) }
  }
  return { source: layers[0]?.source ?? 'configuration', line: 0, column: 0 }
}

function hasPath(value: unknown, path: DocumentPath): boolean {
  let at = value
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return false
    at = (at as Record<string | number, unknown>)[part]
  }
  return true
}

/** An issue at the place where a path was written. */
export function diagnosticAt(
  layers: readonly Layer[],
  severity: Diagnostic['severity'],
  path: DocumentPath,
  message: string,
  hint = '',
): Diagnostic {
  const position = positionIn(layers, path)
  return { severity, ...position, path: nameInSource(position.source, path), message, hint }
}

/** As it was written there: a variable or a flag by its own name, so that whoever set it finds it. */
function nameInSource(source: string, path: DocumentPath): string {
  const setting = SETTINGS.find(one => one.ours && one.path === path.join('.'))
  if (source === ENVIRONMENT) return setting ? variableName(setting) : path.join('_').toUpperCase()
  return source === COMMAND_LINE && setting ? flagName(setting) : formatPath(path)
}
