/** Reads the sections that enable handlers and hold their base configuration, and checks them against the handlers' schemas. */
import { z } from 'zod'
import type { JsonObject } from '../../access/session.ts'
import { mapKey, type VariableKey } from '../../config/environment.ts'
import { diagnosticAt, type Layer } from '../../config/layers.ts'
import { isPlainObject, type PlainObject } from '../../config/load_settings.ts'
import type { TextForm } from '../../config/value_types.ts'
import type { Diagnostic, DocumentPath } from '../../documents/diagnostic.ts'
import { typeMismatch } from '../../documents/type_mismatch.ts'
import { parseYamlBoolean } from '../../documents/yaml.ts'
import { closestMatch } from '../../lib/closest_match.ts'
import type { GlobalHandlers, HandlerSettings } from '../builder.ts'
import type { AnyHandler, HandlerKind } from '../handler.ts'
import { knownKeys } from './known_keys.ts'

export const HANDLER_SECTIONS: readonly (readonly [kind: HandlerKind, path: readonly string[]])[] = [
  ['authenticator', ['authenticators']],
  ['authorizer', ['authorizers']],
  ['mutator', ['mutators']],
  ['error', ['errors', 'handlers']],
]

type JsonSchema = z.core.JSONSchema._JSONSchema

/** The keys of all handlers that a variable may set, from the handlers' schemas. */
export function handlerVariableKeys(handlers: readonly AnyHandler[]): readonly VariableKey[] {
  return HANDLER_SECTIONS.flatMap(([kind, path]) =>
    handlers
      .filter(handler => handler.kind === kind)
      .flatMap(handler => [
        scalarKey([...path, handler.id, 'enabled'], 'boolean'),
        ...(handler.ignoresConfig
          ? []
          : schemaVariableKeys(jsonSchemaOf(handler), [...path, handler.id, 'config'])),
      ]),
  )
}

const jsonSchemas = new WeakMap<AnyHandler, z.core.JSONSchema.JSONSchema>()

/** Cached, because deriving all of them takes longer than reading a configuration. */
function jsonSchemaOf(handler: AnyHandler): z.core.JSONSchema.JSONSchema {
  const known = jsonSchemas.get(handler)
  if (known !== undefined) return known
  const schema = z.toJSONSchema(handler.schema, { io: 'input', unrepresentable: 'any' })
  jsonSchemas.set(handler, schema)
  return schema
}

function schemaVariableKeys(schema: JsonSchema, path: readonly string[]): VariableKey[] {
  if (typeof schema === 'boolean') return []
  const properties = schema.properties
  if (properties !== undefined) {
    // The map in JSON comes first, so that a variable for one of its keys is merged over it.
    const members = Object.entries(properties).flatMap(([key, member]) =>
      schemaVariableKeys(member, [...path, key]),
    )
    return [mapKey(path), ...members]
  }
  const choice = schema.anyOf?.find(one => typeof one === 'object' && one.type !== 'null')
  if (choice !== undefined) return schemaVariableKeys(choice, path)
  // A key that may also be null has a list of types.
  const type = [schema.type].flat().find(one => one !== 'null')
  if (type === 'object') return [mapKey(path)]
  const form = type === undefined ? undefined : FORM_BY_TYPE[type]
  return form === undefined ? [] : [scalarKey(path, form, schema.writeOnly === true)]
}

const FORM_BY_TYPE: Readonly<Record<string, Exclude<TextForm, 'json'>>> = {
  string: 'text',
  boolean: 'boolean',
  integer: 'integer',
  number: 'number',
  array: 'list',
}

const EXPECTED: Readonly<Record<Exclude<TextForm, 'json'>, string>> = {
  text: 'a string',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  list: 'a list of strings',
}

/** `secret`: a key that a handler's schema marks as `writeOnly` can be read from a file. */
const scalarKey = (
  path: readonly string[],
  form: Exclude<TextForm, 'json'>,
  secret = false,
): VariableKey => ({
  path,
  textForm: form,
  expected: EXPECTED[form],
  credenceOnly: false,
  secret,
})

/** Switches and raw configurations, before any default. Reports everything that no rule can correct. */
export function readHandlers(
  value: unknown,
  handlers: readonly AnyHandler[],
  layers: readonly Layer[],
  diagnostics: Diagnostic[],
): GlobalHandlers {
  const sections = HANDLER_SECTIONS.map(([kind, path]) => {
    const section = path.reduce<unknown>((at, key) => (isPlainObject(at) ? at[key] : undefined), value)
    const known = handlers.filter(handler => handler.kind === kind)
    return [kind, readSection(section, known, path, layers, diagnostics)] as const
  })
  return Object.fromEntries(sections) as unknown as GlobalHandlers
}

function readSection(
  section: unknown,
  known: readonly AnyHandler[],
  path: DocumentPath,
  layers: readonly Layer[],
  diagnostics: Diagnostic[],
): ReadonlyMap<string, HandlerSettings> {
  const settings = new Map<string, HandlerSettings>()
  if (path[0] === 'errors') settings.set('json', { enabled: true, config: undefined })
  if (section === undefined || section === null) return settings
  if (!isPlainObject(section)) {
    diagnostics.push(diagnosticAt(layers, 'error', path, 'must be a map of handlers'))
    return settings
  }
  for (const [id, entry] of Object.entries(section)) {
    const at = [...path, id]
    const handler = known.find(one => one.id === id)
    if (handler === undefined) {
      const ids = known.map(one => one.id)
      diagnostics.push(diagnosticAt(layers, 'error', at, `unknown handler "${id}"`, suggestionFor(id, ids)))
    } else settings.set(id, readEntry(entry, handler, at, layers, diagnostics))
  }
  return settings
}

function readEntry(
  entry: unknown,
  handler: AnyHandler,
  path: DocumentPath,
  layers: readonly Layer[],
  diagnostics: Diagnostic[],
): HandlerSettings {
  if (!isPlainObject(entry)) {
    diagnostics.push(diagnosticAt(layers, 'error', path, 'must be a map with "enabled" and "config"'))
    return { enabled: false, config: undefined }
  }
  const enabled = parseYamlBoolean(entry.enabled ?? (handler.kind === 'error' && handler.id === 'json'))
  if (typeof enabled !== 'boolean') {
    diagnostics.push(diagnosticAt(layers, 'error', [...path, 'enabled'], 'must be true or false'))
  }
  for (const key of Object.keys(entry)) {
    if (key === 'enabled' || (key === 'config' && !handler.ignoresConfig)) continue
    const severity = handler.ignoresConfig ? 'error' : 'warning'
    const known = handler.ignoresConfig ? ['enabled'] : ['enabled', 'config']
    const hint = suggestionFor(key, known)
    diagnostics.push(diagnosticAt(layers, severity, [...path, key], `unknown key "${key}"`, hint))
  }
  if (entry.config === undefined || entry.config === null || handler.ignoresConfig) {
    return { enabled: enabled === true, config: undefined }
  }
  if (!isPlainObject(entry.config)) {
    diagnostics.push(diagnosticAt(layers, 'error', [...path, 'config'], 'must be a map'))
    return { enabled: false, config: undefined }
  }
  const config = coerceBooleans(entry.config, jsonSchemaOf(handler)) as JsonObject
  // Oathkeeper does not check a handler that is not enabled. A rule may add what is missing here.
  if (enabled === true) diagnostics.push(...configIssues(config, handler, [...path, 'config'], layers))
  return { enabled: enabled === true, config }
}

/** Turns YAML 1.1's words for true and false into booleans, at the keys that are booleans (Q-16). */
function coerceBooleans(value: unknown, schema: JsonSchema | undefined): unknown {
  if (typeof schema !== 'object') return value
  if (schema.type === 'boolean') return parseYamlBoolean(value)
  const { properties } = schema
  if (properties === undefined || !isPlainObject(value)) return value
  const members = Object.entries(value).map(([key, member]) => [key, coerceBooleans(member, properties[key])])
  return Object.fromEntries(members)
}

function configIssues(
  config: PlainObject,
  handler: AnyHandler,
  path: DocumentPath,
  layers: readonly Layer[],
): Diagnostic[] {
  const read = handler.schema.safeParse(config, { reportInput: true })
  if (read.success) return []
  return read.error.issues.flatMap((issue): Diagnostic[] => {
    if (issue.code === 'invalid_type' && issue.input === undefined) return []
    const at = [...path, ...(issue.path as DocumentPath)]
    if (issue.code === 'invalid_type') {
      const { message, hint } = typeMismatch(issue.expected, issue.input)
      return [diagnosticAt(layers, 'error', at, message, hint)]
    }
    if (issue.code !== 'unrecognized_keys') return [diagnosticAt(layers, 'error', at, issue.message)]
    const known = knownKeys(handler.schema, issue.path)
    return issue.keys.map(key =>
      diagnosticAt(layers, 'error', [...at, key], `unknown key "${key}"`, suggestionFor(key, known)),
    )
  })
}

function suggestionFor(word: string, known: Iterable<string>): string | undefined {
  const suggestion = closestMatch(word, known)
  return suggestion && `did you mean "${suggestion}"?`
}
