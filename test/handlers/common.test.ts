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

  test(`${nameOf(handler)} says what it does, and what each of its keys is for`, () => {
    assert.match(handler.summary, /^[a-z]+s? /)
    const { properties = {} } = z.toJSONSchema(handler.schema, { io: 'input', unrepresentable: 'any' })
    for (const [key, schema] of Object.entries(properties)) {
      assert.ok(typeof schema === 'object' && schema.description, `${key} has no description`)
    }
  })
}
