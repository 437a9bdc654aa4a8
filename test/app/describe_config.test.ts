import assert from 'node:assert/strict'
import test from 'node:test'
import { describeConfig } from '../../scripts/describe_config.ts'
import { SETTINGS } from '../../src/app/settings.ts'
import { fileVariableName, flagName, variableName } from '../../src/config/setting.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'

const { markdown, schema } = describeConfig(HANDLERS)

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}
const at = (path: readonly string[]): Schema | undefined =>
  path.reduce<Schema | undefined>((inner, key) => inner?.properties?.[key], schema)

test('every setting is on the page once, and in the schema', () => {
  for (const { path } of SETTINGS) {
    assert.equal(markdown.split(`| \`${path}\` |`).length, 2, path)
    assert.ok(at(path.split('.')) !== undefined, path)
  }
})

test('Credence’s settings are shown with flag and variable, secrets with the variable of a file instead', () => {
  for (const setting of SETTINGS.filter(one => one.credenceOnly)) {
    const variable = variableName(setting)
    const names = setting.secret
      ? `| \`${variable}\` \`${fileVariableName(variable)}\` |`
      : `| \`${flagName(setting)}\` \`${variable}\` |`
    assert.ok(markdown.includes(names), setting.path)
  }
})

test('every handler has its section in the schema, and requires nothing there (Q-93)', () => {
  for (const { kind, id, ignoresConfig } of HANDLERS) {
    const section = kind === 'error' ? ['errors', 'handlers', id] : [`${kind}s`, id]
    assert.ok(at([...section, 'enabled']) !== undefined, id)
    assert.equal(at([...section, 'config']) === undefined, ignoresConfig, id)
    assert.equal(at([...section, 'config'])?.required, undefined, id)
  }
})

test('no two settings have one path, and no setting is the parent of another', () => {
  const paths = SETTINGS.map(one => one.path)
  assert.equal(new Set(paths).size, paths.length)
  for (const path of paths) assert.ok(!paths.some(other => other.startsWith(`${path}.`)), path)
})
