/** config/handler_sections — the sections `authenticators`, `authorizers`, `mutators` and `errors.handlers`: switches and raw configs. Knows the handlers' schemas. */
import { z } from 'zod'
import type { JsonObject } from '../access/session.ts'
import type { Issue, Path } from '../documents/issue.ts'
import { mustBe } from '../documents/type_mismatch.ts'
import { booleanWord } from '../documents/yaml.ts'
import type { GlobalHandlers, HandlerSettings } from '../handlers/builder.ts'
import type { Kind, SealedHandler } from '../handlers/handler.ts'
import { knownKeys } from '../handlers/known_keys.ts'
import { nearest } from '../lib/closest_match.ts'
import { issueIn, type Layer, type Leaf } from './layers.ts'

export const SECTIONS: readonly (readonly [kind: Kind, path: readonly string[]])[] = [
  ['authenticator', ['authenticators']],
  ['authorizer', ['authorizers']],
  ['mutator', ['mutators']],
  ['error', ['errors', 'handlers']],
]

type Plain = Readonly<Record<string, unknown>>
export const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Keys of all handlers that a variable may set, from their schemas. */
export function handlerLeaves(handlers: readonly SealedHandler[]): readonly Leaf[] {
  return SECTIONS.flatMap(([kind, path]) =>
    handlers
      .filter(handler => handler.kind === kind)
      .flatMap(handler => [
        { path: [...path, handler.id, 'enabled'], type: 'boolean' as const },
        ...(plain(handler) ? [] : leavesOf(jsonSchemaOf(handler), [...path, handler.id, 'config'])),
      ]),
  )
}

function jsonSchemaOf(handler: SealedHandler): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(handler.schema, { io: 'input', unrepresentable: 'any' })
}

function leavesOf(schema: z.core.JSONSchema._JSONSchema, path: readonly string[]): Leaf[] {
  if (typeof schema === 'boolean') return []
  const properties = schema.properties
  if (properties !== undefined) {
    // A whole map in JSON first, so that a variable for one of its keys is laid over it.
    const members = Object.entries(properties).flatMap(([key, member]) => leavesOf(member, [...path, key]))
    return [{ path, type: 'object' }, ...members]
  }
  const choice = schema.anyOf?.find(one => typeof one === 'object' && one.type !== 'null')
  if (choice !== undefined) return leavesOf(choice, path)
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
function plain(handler: SealedHandler): boolean {
  return handler.ignoresConfig
}

/** The switches and the raw configs, before any default; everything that no rule could mend is an issue. */
export function readHandlers(
  value: unknown,
  handlers: readonly SealedHandler[],
  layers: readonly Layer[],
  issues: Issue[],
): GlobalHandlers {
  const sections = SECTIONS.map(([kind, path]) => {
    const section = path.reduce<unknown>((at, key) => (isPlain(at) ? at[key] : undefined), value)
    const known = handlers.filter(handler => handler.kind === kind)
    return [kind, readSection(section, known, path, layers, issues)] as const
  })
  return Object.fromEntries(sections) as unknown as GlobalHandlers
}

function readSection(
  section: unknown,
  known: readonly SealedHandler[],
  path: Path,
  layers: readonly Layer[],
  issues: Issue[],
): ReadonlyMap<string, HandlerSettings> {
  const settings = new Map<string, HandlerSettings>()
  if (path[0] === 'errors') settings.set('json', { enabled: true, config: undefined })
  if (section === undefined || section === null) return settings
  if (!isPlain(section)) {
    issues.push(issueIn(layers, 'error', path, 'must be a map of handlers'))
    return settings
  }
  for (const [id, entry] of Object.entries(section)) {
    const at = [...path, id]
    const handler = known.find(one => one.id === id)
    if (handler === undefined) {
      const near = nearest(
        id,
        known.map(one => one.id),
      )
      issues.push(issueIn(layers, 'error', at, `unknown handler "${id}"`, near && `did you mean "${near}"?`))
    } else settings.set(id, readEntry(entry, handler, at, layers, issues))
  }
  return settings
}

function readEntry(
  entry: unknown,
  handler: SealedHandler,
  path: Path,
  layers: readonly Layer[],
  issues: Issue[],
): HandlerSettings {
  if (!isPlain(entry)) {
    issues.push(issueIn(layers, 'error', path, 'must be a map with "enabled" and "config"'))
    return { enabled: false, config: undefined }
  }
  const enabled = booleanWord(entry.enabled ?? (handler.kind === 'error' && handler.id === 'json'))
  if (typeof enabled !== 'boolean') {
    issues.push(issueIn(layers, 'error', [...path, 'enabled'], 'must be true or false'))
  }
  for (const key of Object.keys(entry)) {
    if (key === 'enabled' || (key === 'config' && !plain(handler))) continue
    const severity = plain(handler) ? 'error' : 'warning'
    const near = nearest(key, plain(handler) ? ['enabled'] : ['enabled', 'config'])
    issues.push(
      issueIn(layers, severity, [...path, key], `unknown key "${key}"`, near && `did you mean "${near}"?`),
    )
  }
  if (entry.config === undefined || entry.config === null || plain(handler)) {
    return { enabled: enabled === true, config: undefined }
  }
  if (!isPlain(entry.config)) {
    issues.push(issueIn(layers, 'error', [...path, 'config'], 'must be a map'))
    return { enabled: false, config: undefined }
  }
  const config = withBooleans(entry.config, jsonSchemaOf(handler)) as JsonObject
  // What a switched-off handler says is not looked at (spec 8.4); a rule may still bring what is missing.
  if (enabled === true) issues.push(...configIssues(config, handler, [...path, 'config'], layers))
  return { enabled: enabled === true, config }
}

/** YAML 1.1's words for true and false as booleans, at the keys that want one (Q-16). */
function withBooleans(value: unknown, schema: z.core.JSONSchema._JSONSchema | undefined): unknown {
  if (typeof schema !== 'object') return value
  if (schema.type === 'boolean') return booleanWord(value)
  const { properties } = schema
  if (properties === undefined || !isPlain(value)) return value
  const members = Object.entries(value).map(([key, member]) => [key, withBooleans(member, properties[key])])
  return Object.fromEntries(members)
}

function configIssues(config: Plain, handler: SealedHandler, path: Path, layers: readonly Layer[]): Issue[] {
  const read = handler.schema.safeParse(config, { reportInput: true })
  if (read.success) return []
  return read.error.issues.flatMap((issue): Issue[] => {
    if (issue.code === 'invalid_type' && issue.input === undefined) return []
    const at = [...path, ...(issue.path as Path)]
    if (issue.code === 'invalid_type') {
      const { message, hint } = mustBe(issue.expected, issue.input)
      return [issueIn(layers, 'error', at, message, hint)]
    }
    if (issue.code !== 'unrecognized_keys') return [issueIn(layers, 'error', at, issue.message)]
    const known = knownKeys(handler.schema, issue.path)
    return issue.keys.map(key => {
      const near = nearest(key, known)
      return issueIn(layers, 'error', [...at, key], `unknown key "${key}"`, near && `did you mean "${near}"?`)
    })
  })
}
