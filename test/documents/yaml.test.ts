import assert from 'node:assert/strict'
import test from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { parseYaml, parseYamlBoolean, type YamlDialect, type YamlDocument } from '../../src/documents/yaml.ts'

function read(text: string, dialect: YamlDialect = 'rules'): YamlDocument {
  const document = parseYaml(text, dialect)
  assert.equal(document.kind, 'document', 'message' in document ? document.message : '')
  return document as YamlDocument
}
const fault = (text: string): string => {
  const document = parseYaml(text, 'rules')
  return document.kind === 'fault' ? `${document.line}:${document.column} ${document.message}` : 'no fault'
}

const SCALARS: readonly (readonly [written: string, rules: unknown, config: unknown])[] = [
  ['yes', true, 'yes'],
  ['off', false, 'off'],
  ['y', true, 'y'],
  ['NO', false, 'NO'],
  ['oN', 'oN', 'oN'],
  ['true', true, true],
  ['"off"', 'off', 'off'],
  ['010', 8, 10],
  ['08', 8, 8],
  ['1_000', 1000, '1_000'],
  ['-0b11', -3, '-0b11'],
  ['0x1F', 31, 31],
  ['1e3', 1000, 1000],
  ['12:30', '12:30', '12:30'],
  ['1.2.3', '1.2.3', '1.2.3'],
  ['2020-01-02', '2020-01-02', '2020-01-02'],
  ['~', null, null],
  ['!!str 12', '12', '12'],
]
for (const [written, rules, config] of SCALARS) {
  test(`${written} is ${JSON.stringify(rules)} in a rule and ${JSON.stringify(config)} in a configuration (Q-16)`, () => {
    assert.deepEqual(read(`a: ${written}`).value, { a: rules })
    assert.deepEqual(read(`a: ${written}`, 'config').value, { a: config })
  })
}

test('any JSON text is read as JSON', () => {
  fc.assert(
    fc.property(fc.json({ depthSize: 'small' }), text => {
      assert.equal(JSON.stringify(read(text).value), JSON.stringify(JSON.parse(text)))
    }),
    { numRuns: 200 },
  )
})

test('JSON may begin further right than it goes on', () => {
  const document = read('  \n  [\n{"id": "a",\n"b":\n[\n]}\n]\n')
  assert.deepEqual(document.value, [{ id: 'a', b: [] }])
  assert.deepEqual(document.positionOf([0, 'b']), { line: 4, column: 1 })
  assert.deepEqual(document.positionOf([0]), { line: 3, column: 1 })
})

test('flow style with a trailing comma and comments are fine', () => {
  assert.deepEqual(read('[{id: a,}, # first\n {id: b},]').value, [{ id: 'a' }, { id: 'b' }])
})

test('merge keys bring what an anchor has, and own keys win', () => {
  assert.deepEqual(read('- &a {x: 1, z: 2}\n- <<: *a\n  z: 3\n').value, [
    { x: 1, z: 2 },
    { x: 1, z: 3 },
  ])
})

test('only the first document is read', () => {
  assert.deepEqual(read('- 1\n---\n- 2\n').value, [1])
})

test('an empty text has no value, and neither has one of comments', () => {
  assert.equal(read('').value ?? undefined, undefined)
  assert.equal(read('# nothing\n').value ?? undefined, undefined)
})

const TEXT = `- id: one
  match:
    url: "http://h"
    methods: [GET, 12]
  config:
    deep:
      er: >
        folded
  empty:
- &two {id: two}
- *two
`
const PLACES: readonly (readonly [path: readonly (string | number)[], line: number, column: number])[] = [
  [[0], 1, 3],
  [[0, 'id'], 1, 7],
  [[0, 'match'], 2, 3],
  [[0, 'match', 'url'], 3, 10],
  [[0, 'match', 'methods', 1], 4, 20],
  [[0, 'config', 'deep'], 6, 5],
  [[0, 'config', 'deep', 'er'], 7, 7],
  [[0, 'empty'], 9, 3],
  [[1, 'id'], 10, 13],
  [[2], 11, 3],
  [[0, 'match', 'missing', 'further'], 2, 3],
]
for (const [path, line, column] of PLACES) {
  test(`${path.join('.')} stands at ${line}:${column}`, () => {
    assert.deepEqual(read(TEXT).positionOf(path), { line, column })
  })
}

test('places in JSON are as exact as in YAML', () => {
  const { positionOf: at } = read('[\n\t{"id": "a",\n\t "match": {"url": 1}}\n]')
  assert.deepEqual(at([0, 'match', 'url']), { line: 3, column: 20 })
})

test('a duplicate key is named with its place, and the last one counts', () => {
  const document = read('a: 1\nb: 2\na: 3\n')
  assert.deepEqual(document.value, { a: 3, b: 2 })
  assert.deepEqual(document.duplicates, [{ key: 'a', line: 3, column: 1 }])
})

test('a member named __proto__ stays a member', () => {
  const { value } = read('{"__proto__": {"admin": true}}')
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  assert.ok(Object.hasOwn(value as object, '__proto__'))
})

const FAULTS: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ['an unfinished list', '[{"id":', /^1:8 the file ends within a "\["/],
  ['a bad indent', 'a: 1\n  b: 2\n', /^2:/],
  ['a bracket that is not closed', 'a:\n  b: [\n  c: 1\nd: 2\n', /^3:3 .*not closed/],
  ['a tab before a key', '- id: a\n\tmatch:\n', /^2:2 a tab indents this line/],
  ['a tab after blanks', '- id: a\n  \turl: x\n', /^2:3 a tab indents this line/],
  ['JSON with tabs and without a comma', '[\n\t{"a": 1\n\t"b": 2}\n]', /^3:5 a comma is missing/],
  ['a quote that is not closed', 'a: "x\n', /^2:1 .*quote.* not closed/],
  ['a key without a colon', 'a: 1\nb\nc: 2\n', /a key without ":"/],
  ['a control character', 'a: x\u0000', /save the file|no text has/],
  ['an unknown tag', 'a: !ruby/object x', /unknown scalar tag/],
  ['a set', 'a: !!set {x}', /unknown mapping tag/],
  ['an alias of nothing', 'a: *x', /x/],
  ['an alias inside what it stands for', 'a: &x [1, *x]', /too many values/],
  ['nesting without an end', '['.repeat(5000), /a hundred deep/],
]
for (const [name, text, message] of FAULTS) {
  test(`${name} is a fault, not an accident`, () => assert.match(fault(text), message))
}

test('a bomb of aliases is refused before anybody walks through it (F7)', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`)
  assert.match(fault(['l0: &l0 [x,x,x,x,x,x,x,x,x]', ...levels].join('\n')), /aliases/)
})

test('thousands of rules may share one anchor', () => {
  const rules = Array.from({ length: 12_000 }, (_, i) => `- {<<: *a, id: r${i}}`)
  const { value } = read(
    `- &a {id: a, match: {url: x, methods: [GET]}, authenticators: []}\n${rules.join('\n')}`,
  )
  assert.equal((value as unknown[]).length, 12_001)
})

test('words for true and false of YAML 1.1 are read where a boolean is wanted', () => {
  assert.deepEqual(['yes', 'On', 'off', 'maybe', 1].map(parseYamlBoolean), [true, true, false, 'maybe', 1])
})

test('places are found again after their memory was taken back', async () => {
  const document = parseYaml('a: [1, 2]\nb:\n  c: x\n', 'rules')
  assert.ok(document.kind === 'document')
  const asked = () => [
    document.positionOf(['a', 1]),
    document.positionOf(['b', 'c']),
    document.positionOf(['b', 'nowhere']),
  ]
  const before = asked()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // A WeakRef holds what it refers to until the turn ends.
  await new Promise(resolve => setImmediate(resolve))
  collect()
  assert.deepEqual(asked(), before)
  assert.deepEqual(
    before.map(place => place.line),
    [1, 3, 2],
  )
})
