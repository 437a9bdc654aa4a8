import assert from 'node:assert/strict'
import test from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { parseYaml, parseYamlBoolean, type YamlDialect, type YamlDocument } from '../../src/documents/yaml.ts'

function parse(text: string, dialect: YamlDialect = 'rules'): YamlDocument {
  const document = parseYaml(text, dialect)
  assert.equal(document.kind, 'document', 'message' in document ? document.message : '')
  return document as YamlDocument
}
const errorOf = (text: string): string => {
  const document = parseYaml(text, 'rules')
  return document.kind === 'invalid' ? `${document.line}:${document.column} ${document.message}` : 'no error'
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
  test(`${written} parses as ${JSON.stringify(rules)} in a rule and ${JSON.stringify(config)} in a configuration (Q-16)`, () => {
    assert.deepEqual(parse(`a: ${written}`).value, { a: rules })
    assert.deepEqual(parse(`a: ${written}`, 'config').value, { a: config })
  })
}

test('every JSON text parses as JSON', () => {
  fc.assert(
    fc.property(fc.json({ depthSize: 'small' }), text => {
      assert.equal(JSON.stringify(parse(text).value), JSON.stringify(JSON.parse(text)))
    }),
    { numRuns: 200 },
  )
})

test('the first line of a JSON text may be indented more than the next', () => {
  const document = parse('  \n  [\n{"id": "a",\n"b":\n[\n]}\n]\n')
  assert.deepEqual(document.value, [{ id: 'a', b: [] }])
  assert.deepEqual(document.positionOf([0, 'b']), { line: 4, column: 1 })
  assert.deepEqual(document.positionOf([0]), { line: 3, column: 1 })
})

test('flow style allows trailing commas and comments', () => {
  assert.deepEqual(parse('[{id: a,}, # first\n {id: b},]').value, [{ id: 'a' }, { id: 'b' }])
})

test('a merge key adds the keys of an anchor, and own keys win', () => {
  assert.deepEqual(parse('- &a {x: 1, z: 2}\n- <<: *a\n  z: 3\n').value, [
    { x: 1, z: 2 },
    { x: 1, z: 3 },
  ])
})

test('only the first document is parsed', () => {
  assert.deepEqual(parse('- 1\n---\n- 2\n').value, [1])
})

test('an empty text and a text of comments have no value', () => {
  assert.equal(parse('').value ?? undefined, undefined)
  assert.equal(parse('# nothing\n').value ?? undefined, undefined)
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
const POSITIONS: readonly (readonly [path: readonly (string | number)[], line: number, column: number])[] = [
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
for (const [path, line, column] of POSITIONS) {
  test(`${path.join('.')} is at ${line}:${column}`, () => {
    assert.deepEqual(parse(TEXT).positionOf(path), { line, column })
  })
}

test('positions in JSON are as exact as in YAML', () => {
  const { positionOf: at } = parse('[\n\t{"id": "a",\n\t "match": {"url": 1}}\n]')
  assert.deepEqual(at([0, 'match', 'url']), { line: 3, column: 20 })
})

test('a duplicate key is reported with its position, and the last one wins', () => {
  const document = parse('a: 1\nb: 2\na: 3\n')
  assert.deepEqual(document.value, { a: 3, b: 2 })
  assert.deepEqual(document.duplicates, [{ key: 'a', line: 3, column: 1 }])
})

test('a key named __proto__ is an own property', () => {
  const { value } = parse('{"__proto__": {"admin": true}}')
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  assert.ok(Object.hasOwn(value as object, '__proto__'))
})

const INVALID: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ['an unfinished list', '[{"id":', /^1:8 the file ends inside of "\["/],
  ['a wrong indentation', 'a: 1\n  b: 2\n', /^2:/],
  ['a bracket that is not closed', 'a:\n  b: [\n  c: 1\nd: 2\n', /^3:3 .*not closed/],
  ['a tab before a key', '- id: a\n\tmatch:\n', /^2:2 this line is indented with a tab/],
  ['a tab after spaces', '- id: a\n  \turl: x\n', /^2:3 this line is indented with a tab/],
  ['JSON with tabs and without a comma', '[\n\t{"a": 1\n\t"b": 2}\n]', /^3:5 a comma is missing/],
  ['a quote that is not closed', 'a: "x\n', /^2:1 .*quote.* not closed/],
  ['a key without a colon', 'a: 1\nb\nc: 2\n', /a key is not followed by ":"/],
  ['a control character', 'a: x\u0000', /save the file|a control character/],
  ['an unknown tag', 'a: !ruby/object x', /unknown scalar tag/],
  ['a set', 'a: !!set {x}', /unknown mapping tag/],
  ['an alias without an anchor', 'a: *x', /x/],
  ['an alias inside its own anchor', 'a: &x [1, *x]', /too many values/],
  ['endless nesting', '['.repeat(5000), /more than 100 levels deep/],
]
for (const [name, text, message] of INVALID) {
  test(`${name} is reported, not thrown`, () => assert.match(errorOf(text), message))
}

test('exponentially growing aliases are rejected before they are expanded (F7)', () => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`)
  assert.match(errorOf(['l0: &l0 [x,x,x,x,x,x,x,x,x]', ...levels].join('\n')), /aliases/)
})

test('thousands of rules may share one anchor', () => {
  const rules = Array.from({ length: 12_000 }, (_, i) => `- {<<: *a, id: r${i}}`)
  const { value } = parse(
    `- &a {id: a, match: {url: x, methods: [GET]}, authenticators: []}\n${rules.join('\n')}`,
  )
  assert.equal((value as unknown[]).length, 12_001)
})

test('the boolean words of YAML 1.1 are converted, other values are not', () => {
  assert.deepEqual(['yes', 'On', 'off', 'maybe', 1].map(parseYamlBoolean), [true, true, false, 'maybe', 1])
})

test('positions are computed again after garbage collection', async () => {
  const document = parseYaml('a: [1, 2]\nb:\n  c: x\n', 'rules')
  assert.ok(document.kind === 'document')
  const positions = () => [
    document.positionOf(['a', 1]),
    document.positionOf(['b', 'c']),
    document.positionOf(['b', 'nowhere']),
  ]
  const before = positions()
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // A WeakRef keeps its target alive until the current job ends.
  await new Promise(resolve => setImmediate(resolve))
  collect()
  assert.deepEqual(positions(), before)
  assert.deepEqual(
    before.map(position => position.line),
    [1, 3, 2],
  )
})
