import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { compileGjson } from '../../src/gjson/index.ts'
import type { JsonValue } from '../../src/golang/index.ts'

const document: JsonValue = {
  identity: { id: 'u1', traits: { email: 'a@b.c', 'na.me': 'dotted' } },
  name: { first: 'Tom', last: 'Anderson' },
  age: 37,
  none: null,
  children: ['Sara', 'Alex', 'Jack'],
  friends: [
    { first: 'Dale', last: 'Murphy', age: 44, nets: ['ig', 'fb'] },
    { first: 'Roger', last: 'Craig', age: 68, nets: ['fb'] },
    { first: 'Jane', last: 'Murphy', age: 47, nets: ['ig'] },
  ],
}

for (const [path, expected] of [
  ['identity.id', 'u1'],
  ['identity.traits.na\\.me', 'dotted'],
  ['nope', undefined],
  ['identity.nope.more', undefined],
  ['none', null],
  ['age', 37],
  ['children.1', 'Alex'],
  ['children.9', undefined],
  ['children.#', 3],
  ['child*.2', 'Jack'],
  ['c?ildren.0', 'Sara'],
  ['friends.#.first', ['Dale', 'Roger', 'Jane']],
  ['friends.1.last', 'Craig'],
  ['friends.#(last=="Murphy").first', 'Dale'],
  ['friends.#(last=="Murphy")#.first', ['Dale', 'Jane']],
  ['friends.#(age>45)#.last', ['Craig', 'Murphy']],
  ['friends.#(first%"D*").last', 'Murphy'],
  ['friends.#(first!%"D*").last', 'Craig'],
  ['friends.#(age==44.0).first', 'Dale'],
  ['friends.#(nets.#(=="fb"))#.first', ['Dale', 'Roger']],
  ['children.#(%"*a*")#', ['Sara', 'Jack']],
  ['children|@reverse', ['Jack', 'Alex', 'Sara']],
  ['children|@reverse|0', 'Jack'],
  ['name|@keys', ['first', 'last']],
  ['name.@values', ['Tom', 'Anderson']],
  ['friends.#.nets|@flatten', ['ig', 'fb', 'fb', 'ig']],
  ['friends.#.first|#', 3],
  ['{name.first,"years":age}', { first: 'Tom', years: 37 }],
  ['[name.first,age,nope]', ['Tom', 37]],
  ['name|@tostr', '{"first":"Tom","last":"Anderson"}'],
  ['name|@tostr|@fromstr|first', 'Tom'],
  ['@dig:last|0', 'Anderson'],
  ['@nosuch', undefined],
  ['', undefined],
  ['__proto__', undefined],
  ['identity.constructor.name', undefined],
] as const) {
  test(`${path || '(empty)'} finds ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(compileGjson(path)(document), expected)
  })
}

test('@this returns the document itself', () => {
  assert.equal(compileGjson('@this')(document), document)
})

const recorded: JsonValue = {
  '@type': 'T',
  o: { '@type': 'U', '@this': 'w', '#': 'hash' },
  identity: { traits: { email: 'a@b.c' } },
  name: { first: 'Tom' },
  mixed: [1, 'a', null, true, { k: 1 }],
  friends: [
    { first: 'Dale', age: 44, x: null, ok: true, nets: ['ig', 'fb'] },
    { first: 'Roger', age: 68, ok: false, nets: ['fb'] },
  ],
}

/** Results of gjson 1.19.0 itself. */
for (const [path, expected] of [
  ['friends.#.nets', [['ig', 'fb'], ['fb']]],
  ['friends.#.nets|0', ['ig', 'fb']],
  ['friends.#.nets.#', [2, 1]],
  ['friends.#.x', [null]],
  ['friends.#(age>1)#.nets', [['ig', 'fb'], ['fb']]],
  [
    'friends.#.[first,age]',
    [
      ['Dale', 44],
      ['Roger', 68],
    ],
  ],
  ['friends.#(x==null)#.first', []],
  ['friends.#(x==~null)#.first', ['Dale', 'Roger']],
  ['friends.#(x==~*)#.first', ['Dale']],
  ['friends.#(ok==~true)#.first', ['Dale']],
  ['friends.#(ok==~false)#.first', ['Roger']],
  ['friends.#(age<="47")#.first', ['Dale']],
  ['mixed.#(!="a")#', [1, true]],
  ['mixed.#(>0)#', [1, 'a']],
  ['mixed.#(==null)#', []],
  ['friends.#()#', []],
  ['friends.#(', undefined],
  ['name.', undefined],
  ['*.first', 'Tom'],
  ['*.*.email', 'a@b.c'],
  ['@type', 'T'],
  ['o.@type', 'U'],
  ['o.@this', recorded.o],
  ['o.#', 'hash'],
  ['name.first|@keys', [null]],
  ['{name.first|@this}', { '@this': 'Tom' }],
] as const) {
  test(`as in gjson 1.19.0, ${path} finds ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(compileGjson(path)(recorded), expected)
  })
}

interface Row {
  readonly document: string
  readonly value?: JsonValue
  readonly path?: string
  readonly expect?: JsonValue
}
const rows = readFileSync(new URL('./cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Row)

test('every recorded path finds what gjson 1.19.0 finds', () => {
  const documents = new Map(
    rows.flatMap(({ document, value }) => (value === undefined ? [] : [[document, value]])),
  )
  const lookups = rows.filter(({ path }) => path !== undefined)
  assert.ok(lookups.length > 300)
  const wrong = lookups.flatMap(({ document, path = '', expect }) => {
    const got = compileGjson(path)(documents.get(document) as JsonValue) ?? null
    return isDeepStrictEqual(got, expect) ? [] : [{ document, path, got, expect }]
  })
  assert.deepEqual(wrong, [])
})
