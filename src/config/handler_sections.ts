/** config/handler_sections — the sections `authenticators`, `authorizers`, `mutators` and `errors.handlers`: switches and raw configs. Knows the handlers' schemas. */
import { z } from 'zod'
import type { JsonObject } from '../access/session.ts'
import type { Diagnostic, DocumentPath } from '../documents/issue.ts'
import { typeMismatch } from '../documents/type_mismatch.ts'
import { parseYamlBoolean } from '../documents/yaml.ts'
import type { GlobalHandlers, HandlerSettings } from '../handlers/builder.ts'
import type { AnyHandler, HandlerKind } from '../handlers/handler.ts'
import { knownKeys } from '../handlers/known_keys.ts'
import { closestMatch } from '../lib/closest_match.ts'
import { diagnosticAt, type Layer, type VariableKey } from './layers.ts'

export const HANDLER_SECTIONS: readonly (readonly [kind: HandlerKind, path: readonly string[]])[] = [
  ['authenticator', ['authenticators']],
  ['authorizer', ['authorizers']],
  ['mutator', ['mutators']],
  ['error', ['errors', 'handlers']],
]

type PlainObject = Readonly<Record<string, unknown>>
export const isPlainObject = (value: unknown): value is PlainObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Keys of all handlers that a variable may set, from their schemas. */
export function handlerVariableKeys(handlers: readonly AnyHandler[]): readonly VariableKey[] {
  return HANDLER_SECTIONS.flatMap(([kind, path]) =>
    handlers
      .filter(handler => handler.kind === kind)
      .flatMap(handler => [
        { path: [...path, handler.id, 'enabled'], type: 'boolean' as const },
        ...(takesNoConfig(handler)
          ? []
          : schemaVariableKeys(jsonSchemaOf(handler), [...path, handler.id, 'config'])),
      ]),
  )
}

function jsonSchemaOf(handler: AnyHandler): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(handler.schema, { io: 'input', unrepresentable: 'any' })
}

function schemaVariableKeys(schema: z.core.JSONSchema._JSONSchema, path: readonly string[]): VariableKey[] {
  if (typeof schema === 'boolean') return []
  const properties = schema.properties
  if (properties !== undefined) {
    // A whole map in JSON first, so that a variable for one of its keys is laid over it.
    const members = Object.entries(properties).flatMap(([key, member]) =>
      schemaVariableKeys(member, [...path, key]),
    )
    return [{ path, type: 'object' }, ...members]
  }
  const choice = schema.anyOf?.find(one => typeof one === 'object' && one.type !== 'null')
  if (choice !== undefined) return schemaVariableKeys(choice, path)
  // A key that may also be null has a list of types.
  const type = [schema.type].flat().find(one => one !== 'null')
  switch (type) {
    case 'string':
    case 'boolean':
    case 'integer':
    case 'number':
      return [{ path, type }]
    case 'array':
      return [{ path, type: 'strings' }]
    case 'object':
      return [{ path, type: 'object' }]
    default:
      return []
  }
}

/** Handlers without any configuration: an unknown key beside `enabled` is an error for them (spec 8.3). */
function takesNoConfig(handler: AnyHandler): boolean {
  return handler.ignoresConfig
}

/** The switches and the raw configs, before any default; everything that no rule could mend is an issue. */
export function readHandlers(
  value: unknown,
  handlers: readonly AnyHandler[],
  layers: readonly Layer[],
  issues: Diagnostic[],
): GlobalHandlers {
  const sections = HANDLER_SECTIONS.map(([kind, path]) => {
    const section = path.reduce<unknown>((at, key) => (isPlainObject(at) ? at[key] : undefined), value)
    const known = handlers.filter(handler => handler.kind === kind)
    return [kind, readSection(section, known, path, layers, issues)] as const
  })
  return Object.fromEntries(sections) as unknown as GlobalHandlers
}

function readSection(
  section: unknown,
  known: readonly AnyHandler[],
  path: DocumentPath,
  layers: readonly Layer[],
  issues: Diagnostic[],
): ReadonlyMap<string, HandlerSettings> {
  const settings = new Map<string, HandlerSettings>()
  if (path[0] === 'errors') settings.set('json', { enabled: true, config: undefined })
  if (section === undefined || section === null) return settings
  if (!isPlainObject(section)) {
    issues.push(diagnosticAt(layers, 'error', path, 'must be a map of handlers'))
    return settings
  }
  for (const [id, entry] of Object.entries(section)) {
    const at = [...path, id]
    const handler = known.find(one => one.id === id)
    if (handler === undefined) {
      const suggestion = closestMatch(
        id,
        known.map(one => one.id),
      )
      issues.push(
        diagnosticAt(
          layers,
          'error',
          at,
          `unknown handler "${id}"`,
          suggestion && `did you mean "${suggestion}"?`,
        ),
      )
    } else settings.set(id, readEntry(entry, handler, at, layers, issues))
  }
  return settings
}

function readEntry(
  entry: unknown,
  handler: AnyHandler,
  path: DocumentPath,
  layers: readonly Layer[],
  issues: Diagnostic[],
): HandlerSettings {
  if (!isPlainObject(entry)) {
    issues.push(diagnosticAt(layers, 'error', path, 'must be a map with "enabled" and "config"'))
    return { enabled: false, config: undefined }
  }
  const enabled = parseYamlBoolean(entry.enabled ?? (handler.kind === 'error' && handler.id === 'json'))
  if (typeof enabled !== 'boolean') {
    issues.push(diagnosticAt(layers, 'error', [...path, 'enabled'], 'must be true or false'))
  }
  for (const key of Object.keys(entry)) {
    if (key === 'enabled' || (key === 'config' && !takesNoConfig(handler))) continue
    const severity = takesNoConfig(handler) ? 'error' : 'warning'
    const suggestion = closestMatch(key, takesNoConfig(handler) ? ['enabled'] : ['enabled', 'config'])
    issues.push(
      diagnosticAt(
        layers,
        severity,
        [...path, key],
        `unknown key "${key}"`,
        suggestion && `did you mean "${suggestion}"?`,
      ),
    )
  }
  if (entry.config === undefined || entry.config === null || takesNoConfig(handler)) {
    return { enabled: enabled === true, config: undefined }
  }
  if (!isPlainObject(entry.config)) {
    issues.push(diagnosticAt(layers, 'error', [...path, 'config'], 'must be a map'))
    return { enabled: false, config: undefined }
  }
  const config = coerceBooleans(entry.config, jsonSchemaOf(handler)) as JsonObject
  // What a switched-off handler says is not looked at (spec 8.4); a rule may still bring what is missing.
  if (enabled === true) issues.push(...configIssues(config, handler, [...path, 'config'], layers))
  return { enabled: enabled === true, config }
}

/** YAML 1.1's words for true and false as booleans, at the keys that want one (Q-16). */
function coerceBooleans(value: unknown, schema: z.core.JSONSchema._JSONSchema | undefined): unknown {
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
    return issue.keys.map(key => {
      const suggestion = closestMatch(key, known)
      return diagnosticAt(
        layers,
        'error',
        [...at, key],
        `unknown key "${key}"`,
        suggestion && `did you mean "${suggestion}"?`,
      )
    })
  })
}
