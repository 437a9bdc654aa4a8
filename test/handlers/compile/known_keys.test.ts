import assert from 'node:assert/strict'
import test from 'node:test'
import { z } from 'zod'
import { knownKeys } from '../../../src/handlers/compile/known_keys.ts'

const schema = z.strictObject({
  one: z.string(),
  inner: z.strictObject({ two: z.string(), three: z.number() }).nullish(),
  list: z.array(z.strictObject({ four: z.string() })),
  either: z.union([z.strictObject({ five: z.string() }), z.strictObject({ six: z.string() })]),
  map: z.record(z.string(), z.string()),
})

test('finds the keys of nullable maps, of list items and of all alternatives', () => {
  assert.deepEqual(knownKeys(schema, []), ['one', 'inner', 'list', 'either', 'map'])
  assert.deepEqual(knownKeys(schema, ['inner']), ['two', 'three'])
  assert.deepEqual(knownKeys(schema, ['list', 3]), ['four'])
  assert.deepEqual(knownKeys(schema, ['either']), ['five', 'six'])
})

test('finds no keys where the schema has none', () => {
  for (const path of [['one'], ['map'], ['nowhere', 'else'], ['list', 'four']])
    assert.deepEqual(knownKeys(schema, path), [])
})
