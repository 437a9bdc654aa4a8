/** Renders docs/handlers.md from the schemas of the handlers. */
import { z } from 'zod'
import type { AnyHandler, HandlerKind } from '../src/handlers/handler.ts'
import { HANDLERS } from '../src/handlers/registry.ts'

/** Text between the heading of a kind and its handlers. */
const INTRODUCTIONS: Readonly<Record<HandlerKind, string>> = {
  authenticator: `A rule lists authenticators. The first one that applies to the request decides: it returns an identity or denies.

`,
  authorizer: `A rule names one authorizer in \`authorizer\` or a list of them in \`authorizers\`; exactly one of the two keys
must be present. The authorizers of a list run in order. Each sees the headers that those before it have set, and the
first denial ends the list. Oathkeeper does not have \`authorizers\`: with such a rule it responds with 500.

`,
  mutator: `A rule lists mutators. They run in order, and each one sees the session that the one before it returned.

`,
  error: `A rule lists error handlers. The one whose \`when\` matches responds to a denial; without one, the handlers of
\`errors.fallback\` are tried in order.

`,
}

const SECTIONS: readonly (readonly [kind: HandlerKind, title: string, key: string])[] = [
  ['authenticator', 'Authenticators', 'authenticators'],
  ['authorizer', 'Authorizers', 'authorizers'],
  ['mutator', 'Mutators', 'mutators'],
  ['error', 'Error handlers', 'errors.handlers'],
]

type Schema = z.core.JSONSchema._JSONSchema

/** Returns the page as Markdown. */
export function renderHandlersPage(): string {
  const sections = SECTIONS.map(([kind, title, key]) => {
    const handlers = HANDLERS.filter(handler => handler.kind === kind)
    return `## ${title}\n\n${INTRODUCTIONS[kind]}${handlers.map(handler => renderHandler(handler, key)).join('\n')}`
  })
  return `# Handlers

This page lists every handler with its configuration. It is for authors of rules.

A handler works only after \`<section>.<name>.enabled: true\` in the configuration of the service. Its \`config\` there
is the base for all rules. The \`config\` of a rule is merged into it: maps merge, lists and other values replace.
Credence checks the result when it loads rules. \`credence validate\` reports all problems.

${sections.join('\n')}`
}

function renderHandler(handler: AnyHandler, section: string): string {
  const keys = keyRows(z.toJSONSchema(handler.schema, { io: 'input', unrepresentable: 'any' }), '')
  const table = ['| Key | Type | Meaning |', '|---|---|---|', ...keys].join('\n')
  const example = JSON.stringify({ handler: handler.id, config: handler.example }, null, 2)
  return `### \`${handler.id}\`

${handler.summary[0]?.toUpperCase()}${handler.summary.slice(1)}.

Configuration section: \`${section}.${handler.id}\`.

${keys.length === 0 ? 'It has no keys and ignores its config.\n' : `${table}\n\n\`\`\`json\n${example}\n\`\`\`\n`}`
}

/** One row for each key of a schema and of everything inside it. Items of a list have the path `key[]`. */
function keyRows(schema: Schema, path: string): string[] {
  if (typeof schema === 'boolean') return []
  const alternatives = flattenAlternatives(schema)
  const objects = alternatives.filter(({ properties }) => properties !== undefined)
  const rows = objects.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).flatMap(([key, member]) => {
      const keyPath = path === '' ? key : `${path}.${key}`
      const description = typeof member === 'object' ? (member.description ?? '') : ''
      // Each alternative of a choice requires its own key, so none of them is required.
      const isRequired = objects.length === 1 && required.includes(key)
      const meaning = isRequired ? `${description} Required.`.trim() : description
      return [
        `| \`${keyPath}\` | ${typeName(member)} | ${meaning.replaceAll('|', '\\|')} |`,
        ...keyRows(member, keyPath),
      ]
    }),
  )
  const items = alternatives.flatMap(({ items: item = [] }) => [item].flat())
  return [...rows, ...items.flatMap(item => keyRows(item, `${path}[]`))]
}

function flattenAlternatives(schema: Schema): Exclude<Schema, boolean>[] {
  if (typeof schema === 'boolean') return []
  return [schema, ...(schema.anyOf ?? []).flatMap(flattenAlternatives)]
}

function typeName(schema: Schema): string {
  if (typeof schema === 'boolean') return 'any'
  if (schema.enum !== undefined)
    return schema.enum
      .filter(value => value !== null)
      .map(value => `\`${value}\``)
      .join(', ')
  if (schema.const !== undefined) return `\`${schema.const}\``
  const choices = schema.anyOf?.filter(choice => typeof choice === 'object' && choice.type !== 'null') ?? []
  if (choices.length > 0) return [...new Set(choices.map(typeName))].join(' or ')
  const type = [schema.type].flat().find(name => name !== 'null')
  if (type === 'array') return 'list'
  return type === 'object' ? 'map' : (type ?? 'any')
}
