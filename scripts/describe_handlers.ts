/** scripts/describe_handlers — docs/handlers.md from the handlers' own schemas. */
import { z } from 'zod'
import type { AnyHandler, HandlerKind } from '../src/handlers/handler.ts'
import { HANDLERS } from '../src/handlers/registry.ts'

/** Beside the table of each handler. */
const NOTES: Partial<Record<HandlerKind, string>> = {
  authorizer: `A rule names one in \`authorizer\`, or several in \`authorizers\`, a list: they are asked in order, each sees the headers that those before
it have set, and the first that refuses ends it; all must allow. Exactly one of the two keys may be there. Oathkeeper does not know \`authorizers\`; there such a
rule answers 500.

`,
}

const SECTIONS: readonly (readonly [kind: HandlerKind, title: string, key: string])[] = [
  ['authenticator', 'Authenticators', 'authenticators'],
  ['authorizer', 'Authorizers', 'authorizers'],
  ['mutator', 'Mutators', 'mutators'],
  ['error', 'Error handlers', 'errors.handlers'],
]

type Schema = z.core.JSONSchema._JSONSchema

export function renderHandlersPage(): string {
  const sections = SECTIONS.map(([kind, title, key]) => {
    const handlers = HANDLERS.filter(handler => handler.kind === kind)
    return `## ${title}\n\n${NOTES[kind] ?? ''}${handlers.map(handler => renderHandler(handler, key)).join('\n')}`
  })
  return `# Handlers

Every handler is off until \`<section>.<name>.enabled: true\`. Its \`config\` there is the base; the \`config\` of a rule is
laid over it: maps merge, lists and values replace. The result is checked when rules are loaded.

${sections.join('\n')}`
}

function renderHandler(handler: AnyHandler, section: string): string {
  const keys = keyRows(z.toJSONSchema(handler.schema, { io: 'input', unrepresentable: 'any' }), '')
  const table = ['| key | type | meaning |', '|---|---|---|', ...keys].join('\n')
  const example = JSON.stringify({ handler: handler.id, config: handler.example }, null, 2)
  return `### \`${handler.id}\`

${handler.summary[0]?.toUpperCase()}${handler.summary.slice(1)}. Section \`${section}.${handler.id}\`.

${keys.length === 0 ? 'No keys; what stands in its config is ignored.\n' : `${table}\n\n\`\`\`json\n${example}\n\`\`\`\n`}`
}

function keyRows(schema: Schema, path: string): string[] {
  if (typeof schema === 'boolean') return []
  const object =
    schema.properties === undefined
      ? schema.anyOf?.find(one => typeof one === 'object' && one.properties)
      : schema
  if (typeof object !== 'object' || object.properties === undefined) return []
  const required = new Set(object.required ?? [])
  return Object.entries(object.properties).flatMap(([key, member]) => {
    const at = path === '' ? key : `${path}.${key}`
    const description = typeof member === 'object' ? (member.description ?? '') : ''
    const meaning = required.has(key)
      ? `${description}${description === '' ? '' : '; '}required`
      : description
    return [`| \`${at}\` | ${typeName(member)} | ${meaning.replaceAll('|', '\\|')} |`, ...keyRows(member, at)]
  })
}

function typeName(schema: Schema): string {
  if (typeof schema === 'boolean') return 'any'
  if (schema.enum !== undefined)
    return schema.enum
      .filter(one => one !== null)
      .map(one => `\`${one}\``)
      .join(', ')
  if (schema.const !== undefined) return `\`${schema.const}\``
  const choices = schema.anyOf?.filter(one => typeof one === 'object' && one.type !== 'null') ?? []
  if (choices.length > 0) return [...new Set(choices.map(typeName))].join(' or ')
  const type = [schema.type].flat().find(one => one !== 'null')
  if (type === 'array') return 'list'
  return type === 'object' ? 'map' : (type ?? 'any')
}
