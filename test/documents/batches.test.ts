/** Batches, parsed one by one, have the same items at the same positions as the whole; or the text is not split. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { splitIntoBatches, type TextBatch } from '../../src/documents/batches.ts'
import { parseYaml } from '../../src/documents/yaml.ts'

/** `undefined` if it cannot be split. */
function split(text: string, size = 1): TextBatch[] | undefined {
  const batches = [...splitIntoBatches(text, size)]
  return batches.every(batch => batch !== undefined) ? batches : undefined
}

/** Parses both ways and compares. Returns the number of batches, 0 if the text is not split. */
function compare(text: string, size = 1): number {
  const whole = parseYaml(text, 'rules')
  const batches = split(text, size) ?? []
  const items: unknown[] = []
  const positions: unknown[] = []
  for (const { text: part, line, column } of batches) {
    const document = parseYaml(part, 'rules')
    // The caller then parses the whole document.
    if (document.kind === 'invalid' || !Array.isArray(document.value)) return 0
    document.value.forEach((item, i) => {
      items.push(item)
      // An empty item has no position of its own, and the start of its list differs.
      if (item === null) return
      for (const path of [[i], [i, 'id']]) {
        const at = document.positionOf(path)
        positions.push({ line: at.line + line, column: at.line === 1 ? at.column + column : at.column })
      }
    })
  }
  if (batches.length === 0) return 0
  assert.ok(whole.kind === 'document', `rejected as a whole, accepted in batches: ${JSON.stringify(text)}`)
  assert.deepEqual(items, whole.value)
  assert.deepEqual(
    positions,
    items.flatMap((item, i) => (item === null ? [] : [whole.positionOf([i]), whole.positionOf([i, 'id'])])),
  )
  return batches.length
}

const SPLIT: readonly (readonly [text: string, batches: number])[] = [
  ['[{"id":"a"},{"id":"b"},{"id":"c"}]', 3],
  ['  [\n  {"id": "a, ] }\\" b"},\n  {"id": 1.5e3, "x": [1, [2, 3]], "y": null}\n]\n', 2],
  ['[]', 1],
  ['[{"id":"a"}]', 1],
  ['- id: a\n- id: b\n  x: [1, 2]\n\n# a comment\n- {id: c}\n', 3],
  ['---\n# rules\n- id: a\n-\n  id: b\n', 2],
  ['- id: |\n    - not an item\n\n    text\n- id: "two\n    lines"\r\n- id: c', 3],
]
for (const [text, batches] of SPLIT) {
  test(`${JSON.stringify(text)} is split into ${batches}`, () => assert.equal(compare(text), batches))
}

const WHOLE: readonly string[] = [
  '',
  'id: a\n',
  'rules:\n- id: a\n',
  '  - id: a\n  - id: b\n',
  '- &a {id: a}\n- *a\n',
  '- <<: *base\n- id: b\n',
  '- id: !!str 1\n- id: b\n',
  '- id: a\n---\n- id: b\n',
  '- id: a\n...\n',
  '%YAML 1.1\n---\n- id: a\n',
  '- id: "a\nb"\n- id: c\n',
  '[{"id":"a"},]',
  '[,{"id":"a"}]',
  '[{"id":"a"},,{"id":"b"}]',
  '[{"id":"a",},{"id":"b"}]',
  '[{id: a},{id: b}]',
  "[{'id':'a'}]",
  '[{"id":"a"} # comment\n]',
  '[{"id":"a"}] x',
  '[{"id":"a"}',
  '[01]',
]
for (const text of WHOLE) {
  test(`${JSON.stringify(text)} is not split`, () => assert.equal(split(text), undefined))
}

test('the batches of any JSON list have all its items', () => {
  const list = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 6 })
  fc.assert(
    fc.property(list, fc.constantFrom(0, 1, 2), fc.constantFrom(1, 10, 40), (value, indent, size) => {
      const batches = split(JSON.stringify(value, null, indent), size)
      assert.ok(batches !== undefined)
      assert.deepEqual(
        batches.flatMap(batch => JSON.parse(batch.text) as unknown[]),
        JSON.parse(JSON.stringify(value)),
      )
    }),
  )
})

test('the batches of any YAML lines have all items, or there are none', () => {
  const line = fc.constantFrom(
    '- id: a',
    '- id: "a',
    '- b"',
    '-',
    '  id: b',
    '  x: [1,',
    '- 2]',
    '- |',
    '    text',
    '# c',
    '',
    '- - d',
    '  - e',
    '- "- f"',
    '- >-',
    '---',
    'g: h',
    "- 'i",
    "  j'",
  )
  let several = 0
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), lines => {
      if (compare(lines.join('\n')) > 1) several++
    }),
    // An indented list, followed by another document.
    { numRuns: 2_000, examples: [[['  - e', '---', '- id: a', '- id: a']]] },
  )
  assert.ok(several > 100, `${several} texts were split`)
})
