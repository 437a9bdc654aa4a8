import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import { openServices } from '../../src/app_services.ts'
import { loadConfig } from '../../src/config.ts'
import type { SealedHandler } from '../../src/handlers/handler.ts'
import { HANDLERS } from '../../src/handlers/registry.ts'
import { fakeClock } from '../fakes/clock.ts'

/** What every handler must do, whoever wrote it. */
const context = { strategy: 'regexp', warn: () => {} } as const
const { config } = loadConfig({ files: [], env: {}, flags: new Map() }, HANDLERS)
assert.ok(config !== undefined)
const nothing = async () => ({ kind: 'failed', cause: 'closed', message: '' }) as const
const { services } = openServices({
  config,
  send: nothing,
  fetch: nothing,
  clock: fakeClock(),
  report: () => {},
})
const propertiesOf = ({ schema }: SealedHandler) =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }).properties ?? {}
const keysOf = (handler: SealedHandler) => (handler.ignoresConfig ? [] : Object.keys(propertiesOf(handler)))
const nameOf = (handler: SealedHandler) => `${handler.kind} ${handler.id}`

test('all of Oathkeeper’s handlers are there, each once', () => {
  const names = HANDLERS.map(nameOf)
  assert.equal(new Set(names).size, 21)
  assert.equal(names.length, 21)
})

for (const handler of HANDLERS) {
  test(`${nameOf(handler)} is built from its own documented example`, () => {
    const { run } = handler.build(handler.example, services, context)
    assert.equal(typeof run, 'function')
  })

  test(`${nameOf(handler)} refuses a key that nobody knows, unless it reads no config at all`, () => {
    const config = { ...handler.example, nobody_knows_this: 1 }
    const build = () => handler.build(config, services, context)
    if (handler.ignoresConfig) build()
    else assert.throws(build, /nobody_knows_this/)
  })

  test(`${nameOf(handler)} refuses a list where a map belongs`, () => {
    if (handler.ignoresConfig) return
    assert.throws(() => handler.build([], services, context))
  })

  test(`${nameOf(handler)} refuses null for a key, unless null says where the token is by default (spec 1.7)`, () => {
    for (const key of keysOf(handler)) {
      const build = () => handler.build({ ...handler.example, [key]: null }, services, context)
      if (key === 'token_from') build()
      else assert.throws(build, new RegExp(key), key)
    }
  })

  test(`${nameOf(handler)} says what it does, and what each of its keys is for`, () => {
    assert.match(handler.summary, /^[a-z]+s? /)
    for (const [key, schema] of Object.entries(propertiesOf(handler))) {
      assert.ok(typeof schema === 'object' && schema.description, `${key} has no description`)
    }
  })
}
