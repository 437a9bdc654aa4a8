/** Reads environment variables: the keys that they may set, their names, and secrets from files. */
import type { Diagnostic, DocumentPath } from '../documents/diagnostic.ts'
import { closestMatch } from '../lib/closest_match.ts'
import { deepMerge } from '../lib/merge.ts'
import { type Layer, nestUnder, unknownPosition } from './layers.ts'
import { fileVariableName, type Setting, type ValueProblem, variableName } from './setting.ts'
import type { SecretFile } from './sources.ts'
import { parseText, type TextForm } from './value_types.ts'

const ENVIRONMENT = 'environment'

/** A key that a variable may set. */
export interface VariableKey {
  readonly path: readonly string[]
  readonly textForm: TextForm
  /** Completes the sentence "must be …". */
  readonly expected: string
  readonly credenceOnly: boolean
  /** A secret can be read from the file that `…_FILE` names. */
  readonly secret: boolean
}

/** The keys that variables may set for these settings. */
export const settingKeys = (settings: readonly Setting<unknown>[]): readonly VariableKey[] =>
  settings.map(({ path, type, credenceOnly, secret }) => ({
    path: path.split('.'),
    textForm: type.textForm,
    expected: type.expected,
    credenceOnly,
    secret,
  }))

/** `undefined` for a key that no variable can set: Oathkeeper ignores names of one segment. */
function variableOf({ path, credenceOnly }: VariableKey): string | undefined {
  return path.length < 2 && !credenceOnly ? undefined : variableName({ path: path.join('.'), credenceOnly })
}

/** The variables that name a file with a secret. */
export const fileVariables = (keys: readonly VariableKey[]): ReadonlySet<string> =>
  new Set(keys.flatMap(key => (key.secret ? (variableOf(key) ?? []) : [])).map(fileVariableName))

/** Oathkeeper's maps have variables too, in JSON. Shorter paths come first, so that their keys are merged over them. */
export function parentKeys(keys: readonly VariableKey[]): readonly VariableKey[] {
  const known = new Set(keys.map(({ path }) => path.join('.')))
  const parents = new Map<string, VariableKey>()
  for (const { path } of keys.filter(key => !key.credenceOnly)) {
    for (let length = 2; length < path.length; length++) {
      const prefix = path.slice(0, length)
      if (!known.has(prefix.join('.'))) parents.set(prefix.join('.'), mapKey(prefix))
    }
  }
  return [...parents.values()].sort((a, b) => a.path.length - b.path.length)
}

/** A key whose variable contains a JSON object. */
export const mapKey = (path: readonly string[]): VariableKey => ({
  path,
  textForm: 'json',
  expected: 'a JSON object',
  credenceOnly: false,
  secret: false,
})

/**
 * Reads variables: Oathkeeper's keys by Oathkeeper's names (any case, no prefix, more than one segment: Q-90), Credence's
 * as `CREDENCE_…`, secrets also from the file that `…_FILE` names. A value that does not have the type of its key is an
 * error; Oathkeeper would read 0.
 */
export function environmentLayer(
  env: NodeJS.ProcessEnv,
  secretFiles: ReadonlyMap<string, SecretFile>,
  keys: readonly VariableKey[],
  diagnostics: Diagnostic[],
): Layer {
  const variables = new Map(Object.entries(env).map(([name, value]) => [name.toUpperCase(), value ?? '']))
  const names = new Map<string, string>()
  let value: unknown = {}
  const report = (severity: Diagnostic['severity'], path: string, problem: ValueProblem) =>
    diagnostics.push({ severity, source: ENVIRONMENT, line: 0, column: 0, path, ...problem })
  for (const key of keys) {
    const name = variableOf(key)
    if (name === undefined) continue
    const inline = variables.get(name) ?? indexedListJson(variables, name, key.textForm)
    const file = key.secret ? secretOf(variables, secretFiles, fileVariableName(name), inline) : undefined
    if (file !== undefined && 'message' in file) report('error', fileVariableName(name), file)
    const text = file !== undefined && 'text' in file ? file.text : inline
    if (text === undefined) continue
    const setBy = file === undefined ? name : fileVariableName(name)
    names.set(key.path.join('.'), setBy)
    const parsed = parseText(text, key.textForm)
    if (parsed === undefined) report('error', setBy, { message: `must be ${key.expected}`, hint: '' })
    else value = deepMerge(value, nestUnder(key.path, parsed))
  }
  const known = new Set(keys.flatMap(key => (key.credenceOnly ? (variableOf(key) ?? []) : [])))
  for (const name of fileVariables(keys.filter(key => key.credenceOnly))) known.add(name)
  for (const name of variables.keys()) {
    if (!name.startsWith('CREDENCE_') || known.has(name) || NON_SETTING_VARIABLES.has(name)) continue
    const suggestion = closestMatch(name, known)
    const hint = suggestion === undefined ? 'it is ignored' : `did you mean ${suggestion}?`
    report('warning', name, { message: 'unknown variable', hint })
  }
  const nameOf = (path: DocumentPath) => names.get(path.join('.')) ?? path.join('_').toUpperCase()
  return { source: ENVIRONMENT, value, positionOf: unknownPosition, nameOf }
}

/** The content of a secret's file, or why there is none; `undefined` where no variable names a file. */
function secretOf(
  variables: ReadonlyMap<string, string>,
  secretFiles: ReadonlyMap<string, SecretFile>,
  fileVariable: string,
  inline: string | undefined,
): SecretFile | undefined {
  if (!variables.has(fileVariable)) return undefined
  if (inline !== undefined) {
    const other = fileVariable.replace(/_FILE$/, '')
    return { message: `and ${other} are both set`, hint: 'set one of them' }
  }
  return secretFiles.get(fileVariable) ?? { message: 'names a file that was not read', hint: '' }
}

/** Variables of the project that are no settings. */
const NON_SETTING_VARIABLES: ReadonlySet<string> = new Set([
  'CREDENCE_CACHE',
  'CREDENCE_CONFIG',
  'CREDENCE_KRATOS',
])

/** The elements of a list as `NAME_0`, `NAME_1`, … */
function indexedListJson(
  variables: ReadonlyMap<string, string>,
  name: string,
  form: TextForm,
): string | undefined {
  if (form !== 'list') return undefined
  const items: string[] = []
  for (let i = 0; variables.has(`${name}_${i}`); i++) items.push(variables.get(`${name}_${i}`) as string)
  return items.length === 0 ? undefined : JSON.stringify(items)
}
