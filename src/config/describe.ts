/** config/describe — the settings as a page for people and as a JSON Schema for editors, from the same tables that read them. Knows no file. */
import { z } from 'zod'
import type { AnyHandler } from '../handlers/handler.ts'
import { HANDLER_SECTIONS } from './handler_sections.ts'
import { CORS_METHODS, flagName, SETTINGS, type Setting, type SettingType, variableName } from './settings.ts'

export interface ConfigDescription {
  /** `docs/configuration.md`. */
  readonly markdown: string
  /** JSON Schema (2020-12) of a configuration file. */
  readonly schema: object
}

export function describeConfig(handlers: readonly AnyHandler[]): ConfigDescription {
  return { markdown: renderPage(), schema: fileSchema(handlers) }
}

const PAGE_HEAD = `# Configuration

<!-- Written by \`npm run generate\` from src/config/settings.ts; changes made here are lost. -->

Oathkeeper's configuration file works unchanged; the keys under "Ours" come on top. Sources, each laid over the one before:

1. the defaults below,
2. configuration files: \`--config FILE\`, more than once if you like, maps merged key by key; \`.yaml\`, \`.yml\`, \`.json\`, \`.toml\`,
3. flags,
4. environment variables.

Variables of Oathkeeper's keys are the key in upper case with \`_\` for \`.\`, without a prefix and in any case
(\`SERVE_API_PORT\`, \`AUTHENTICATORS_COOKIE_SESSION_CONFIG_CHECK_SESSION_URL\`); names of one word (\`VERSION\`) are left alone.
Ours begin with \`CREDENCE_\`. Lists are written with commas, as a JSON array or with \`_0\`, \`_1\` at the end of the name; maps as JSON.
A value that is not of its key's type is an error.

A duration is a whole number and one unit: \`500ms\`, \`10s\`, \`1m\`, \`1h\`. Where a key wants true or false, \`yes\`, \`no\`, \`on\` and \`off\` are taken too.
An unknown key is an error that names the nearest known one. \`credence validate --config FILE\` shows all of them with their lines.

The sections \`authenticators\`, \`authorizers\`, \`mutators\` and \`errors.handlers\` switch handlers on (\`enabled\`) and hold what their
\`config\` in a rule is laid over: see [handlers](handlers.md). A key that a handler requires may come from either place.
`

function renderPage(): string {
  const effective = SETTINGS.filter(one => one.idle === undefined)
  const oathkeeperSettings = effective.filter(one => !one.ours)
  return [
    PAGE_HEAD,
    '## Ours\n',
    table(
      ['Key', 'Type', 'Default', 'Changed', 'Flag and variable', 'Meaning'],
      effective
        .filter(one => one.ours)
        .map(one => [
          inlineCode(one.path),
          typeName(one.type),
          defaultCell(one),
          appliedWhen(one),
          `${inlineCode(flagName(one))} ${inlineCode(variableName(one))}`,
          one.description,
        ]),
    ),
    "## Oathkeeper's\n",
    table(
      ['Key', 'Type', 'Default', 'Changed', 'Meaning'],
      oathkeeperSettings.map(one => [
        inlineCode(one.path),
        typeName(one.type),
        defaultCell(one),
        appliedWhen(one),
        one.description,
      ]),
    ),
    '## Accepted without effect\n',
    'They are keys of Oathkeeper, so a file that has them is read; each that is set is named at start.\n',
    table(
      ['Key', 'Why'],
      SETTINGS.flatMap(one => (one.idle === undefined ? [] : [[inlineCode(one.path), one.idle]])),
    ),
  ].join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`
}

const inlineCode = (text: string): string => `\`${text}\``
const defaultCell = (one: Setting): string =>
  one.default === undefined ? '' : inlineCode(JSON.stringify(one.default))

const appliedWhen = (one: Setting): string => (one.live ? 'at once' : 'next start')

function typeName(type: SettingType): string {
  if (typeof type === 'object') {
    return type.oneOf
      .filter(word => word !== '')
      .map(inlineCode)
      .join(', ')
  }
  const names: Readonly<Record<Exclude<SettingType, object>, string>> = {
    string: 'text',
    integer: 'whole number',
    count: 'whole number from 1',
    port: 'port',
    share: 'number from 0 to 1',
    url: 'URL',
    boolean: 'true or false',
    duration: 'duration',
    strings: 'list of texts',
    set: 'list of texts, none twice',
    methods: 'list of methods, none twice',
  }
  return names[type]
}

type Schema = Record<string, unknown>
interface MapSchema extends Schema {
  readonly type: 'object'
  readonly properties: Record<string, Schema>
}

const mapSchema = (): MapSchema => ({ type: 'object', properties: {}, additionalProperties: false })

function fileSchema(handlers: readonly AnyHandler[]): object {
  const root = mapSchema()
  for (const setting of SETTINGS) setAtPath(root, setting.path.split('.'), settingSchema(setting))
  for (const [kind, path] of HANDLER_SECTIONS) {
    for (const handler of handlers.filter(one => one.kind === kind)) {
      setAtPath(root, [...path, handler.id], handlerSchema(handler))
    }
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of Credence',
    ...root,
  }
}

function setAtPath(root: MapSchema, path: readonly string[], schema: Schema): void {
  let at = root
  for (const key of path.slice(0, -1)) {
    at.properties[key] ??= mapSchema()
    at = at.properties[key] as MapSchema
  }
  at.properties[path.at(-1) as string] = schema
}

function settingSchema({ type, description: about, idle, default: value }: Setting): Schema {
  const shown = { description: idle === undefined ? about : `without effect: ${idle}` }
  return { ...typeSchema(type), ...shown, ...(value === undefined ? {} : { default: value }) }
}

function typeSchema(type: SettingType): Schema {
  if (typeof type === 'object') return { enum: type.oneOf }
  const schemas: Readonly<Record<Exclude<SettingType, object>, Schema>> = {
    string: { type: 'string' },
    integer: { type: 'integer' },
    count: { type: 'integer', minimum: 1 },
    port: { type: 'integer', minimum: 0, maximum: 65_535 },
    share: { type: 'number', minimum: 0, maximum: 1 },
    url: { type: 'string', pattern: '^https?://' },
    boolean: { type: 'boolean' },
    duration: { type: 'string', pattern: '^[0-9]+(ns|us|ms|s|m|h)$' },
    strings: { type: 'array', items: { type: 'string' } },
    set: { type: 'array', items: { type: 'string' }, uniqueItems: true },
    methods: { type: 'array', items: { enum: CORS_METHODS }, uniqueItems: true },
  }
  return schemas[type]
}

/** What a handler requires may come from the rules, so nothing is required here. */
function handlerSchema(handler: AnyHandler): Schema {
  const enabledByDefault = handler.kind === 'error' && handler.id === 'json'
  const enabled = { type: 'boolean', default: enabledByDefault, description: handler.summary }
  if (handler.ignoresConfig) {
    return { type: 'object', properties: { enabled }, additionalProperties: false }
  }
  const { $schema, required, ...config } = z.toJSONSchema(handler.schema, {
    io: 'input',
    unrepresentable: 'any',
  })
  return { type: 'object', properties: { enabled, config } }
}
