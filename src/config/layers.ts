/** Reads configuration files and flags as layers, and finds the layer in which a value was written. */
import { parse as parseToml, TomlError } from 'smol-toml'
import { type Diagnostic, type DocumentPath, formatPath } from '../documents/diagnostic.ts'
import { kubernetesKind } from '../documents/kubernetes_resource.ts'
import { reportSecondDocument } from '../documents/second_document.ts'
import { parseYaml } from '../documents/yaml.ts'
import { deepMerge } from '../lib/merge.ts'
import { flagName, type Setting } from './setting.ts'
import { parseText } from './value_types.ts'

/** One source of settings. */
export interface Layer {
  readonly source: string
  readonly value: unknown
  /** 1-based; 0 where the source has no lines. */
  positionOf(path: DocumentPath): { readonly line: number; readonly column: number }
  /** How this source writes a path: as a key, a flag or a variable. */
  nameOf(path: DocumentPath): string
}

/** For sources without lines. */
export const unknownPosition = () => ({ line: 0, column: 0 })
const COMMAND_LINE = 'command line'

/** Parses a file by the end of its name: `.toml`, else YAML, of which JSON is a subset. */
export function fileLayer(source: string, text: string, diagnostics: Diagnostic[]): Layer | undefined {
  if (/\.toml$/i.test(source)) return tomlLayer(source, text, diagnostics)
  const document = parseYaml(text, 'config')
  if (document.kind === 'invalid') {
    const { line, column, message, hint } = document
    diagnostics.push({ severity: 'error', source, line, column, path: '', message, hint })
    return undefined
  }
  for (const { key, line, column } of document.duplicates) {
    const message = `duplicate key "${key}"`
    const hint = 'the last one counts'
    diagnostics.push({ severity: 'warning', source, line, column, path: key, message, hint })
  }
  reportSecondDocument(document, source, diagnostics)
  const value = document.value ?? {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    const message = 'a configuration must be a map'
    diagnostics.push({ severity: 'error', source, line: 1, column: 1, path: '', message, hint: '' })
    return undefined
  }
  const problem = otherFileProblem(value)
  if (problem !== undefined) {
    diagnostics.push({ severity: 'error', source, line: 1, column: 1, path: '', ...problem })
    return undefined
  }
  return { source, value, positionOf: path => document.positionOf(path), nameOf: formatPath }
}

/** Files that contain a configuration and are none: one sentence instead of an unknown key for each line. */
function otherFileProblem(value: object): Pick<Diagnostic, 'message' | 'hint'> | undefined {
  const kind = kubernetesKind(value)
  if (kind !== undefined) {
    const message = `this is a Kubernetes resource (${kind}), not a configuration`
    return { message, hint: kind === 'ConfigMap' ? 'the configuration is a text in its `data`' : '' }
  }
  const chart = (value as { oathkeeper?: { config?: unknown } | null }).oathkeeper
  if (typeof chart !== 'object' || chart === null || typeof chart.config !== 'object') return undefined
  return {
    message: "these are values of Oathkeeper's Helm chart, not a configuration",
    hint: 'the configuration is under oathkeeper.config',
  }
}

function tomlLayer(source: string, text: string, diagnostics: Diagnostic[]): Layer | undefined {
  try {
    return { source, value: parseToml(text), positionOf: unknownPosition, nameOf: formatPath }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const { line, column } = error
    // The parser's message continues with lines that draw the position.
    const message = (error.message.split('\n', 1)[0] as string).replace(/^Invalid TOML document: /, '')
    diagnostics.push({ severity: 'error', source, line, column, path: '', message, hint: 'it must be TOML' })
    return undefined
  }
}

/** Reads flags: text by setting path, as the command line hands them over. */
export function flagLayer(
  flags: ReadonlyMap<string, string>,
  settings: readonly Setting<unknown>[],
  diagnostics: Diagnostic[],
): Layer {
  let value: unknown = {}
  const nameOf = (path: DocumentPath): string => {
    const setting = settings.find(one => one.path === path.join('.'))
    return (setting && flagName(setting)) ?? formatPath(path)
  }
  for (const { path, type } of settings) {
    const text = flags.get(path)
    if (text === undefined) continue
    const keys = path.split('.')
    const parsed = parseText(text, type.textForm)
    if (parsed === undefined) {
      const message = `must be ${type.expected}`
      const at = { source: COMMAND_LINE, line: 0, column: 0, path: nameOf(keys) }
      diagnostics.push({ severity: 'error', ...at, message, hint: '' })
    } else value = deepMerge(value, nestUnder(keys, parsed))
  }
  return { source: COMMAND_LINE, value, positionOf: unknownPosition, nameOf }
}

/** The value as a document in which `path` leads to it. */
export const nestUnder = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)

/** Where a path, or its closest parent that is set, was written: in the last layer that contains it. */
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

/** A diagnostic at the position where a path was written, with the name that its source gives it. */
export function diagnosticAt(
  layers: readonly Layer[],
  severity: Diagnostic['severity'],
  path: DocumentPath,
  message: string,
  hint = '',
): Diagnostic {
  const position = positionIn(layers, path)
  const layer = layers.findLast(one => one.source === position.source)
  return { severity, ...position, path: layer?.nameOf(path) ?? formatPath(path), message, hint }
}
