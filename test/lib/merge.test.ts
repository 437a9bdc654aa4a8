import assert from 'node:assert/strict'
import test from 'node:test'
import { canonicalJson, deepMerge } from '../../src/lib/merge.ts'

for (const [what, base, override, expected] of [
  ['maps merge key by key', { a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: 1, c: 3 } }],
  ['lists replace', { a: [1, 2] }, { a: [3] }, { a: [3] }],
  ['an explicit null replaces', { a: { b: 1 } }, { a: null }, { a: null }],
  ['undefined leaves the base', { a: 1 }, undefined, { a: 1 }],
  ['a map replaces a scalar', { a: 1 }, { a: { b: 2 } }, { a: { b: 2 } }],
  [
    'a map of a replaced key replaces',
    { from: { header: 'x' } },
    { from: { cookie: 'y' } },
    { from: { cookie: 'y' } },
  ],
  [
    'an empty map of a replaced key merges',
    { from: { header: 'x' } },
    { from: {} },
    { from: { header: 'x' } },
  ],
] as const) {
  test(what, () => {
    const merged = deepMerge(base, override, new Set(['from']))
    assert.deepEqual(JSON.parse(JSON.stringify(merged)), expected)
  })
}

test('a key named __proto__ is an own property', () => {
  const merged = deepMerge({}, JSON.parse('{"__proto__":{"admin":true}}')) as object
  assert.equal(Object.getPrototypeOf(merged), null)
  assert.ok(Object.hasOwn(merged, '__proto__'))
})

test('equal values have equal canonical texts, whatever the order of their members', () => {
  assert.equal(canonicalJson({ b: [1, { d: 2, c: 3 }], a: null }), '{"a":null,"b":[1,{"c":3,"d":2}]}')
})
