import assert from 'node:assert/strict'
import test from 'node:test'
import {
  isRecord,
  memberIgnoringCase,
  ownMember,
  parseJson,
  replaceLoneSurrogateEscapes,
} from '../../src/golang/json.ts'

test('the result is deeply frozen', () => {
  const value = parseJson('{"a":[{"b":1}]}') as { a: { b: number }[] }
  assert.deepEqual(value, { a: [{ b: 1 }] })
  for (const part of [value, value.a, value.a[0]]) assert.ok(Object.isFrozen(part))
})

test('invalid JSON, a number beyond a double and more than 100 levels are rejected', () => {
  for (const text of ['', '{', 'nul', '1e999', '{"a":[-1e999]}', '['.repeat(102) + ']'.repeat(102)]) {
    assert.equal(parseJson(text), undefined, text.slice(0, 20))
  }
  assert.notEqual(parseJson('['.repeat(100) + ']'.repeat(100)), undefined)
  assert.equal(parseJson('['.repeat(500_000)), undefined)
  assert.equal(parseJson('['.repeat(500_000) + ']'.repeat(500_000)), undefined)
})

test('a member is found by its exact name, else in any case, never in Object.prototype', () => {
  const record = parseJson('{"Active":1,"active":2,"SUB":3}')
  assert.ok(isRecord(record))
  assert.deepEqual([memberIgnoringCase(record, 'active'), memberIgnoringCase(record, 'sub')], [2, 3])
  for (const name of ['aud', 'toString', 'tostring', '__proto__'])
    assert.equal(memberIgnoringCase(record, name), undefined)
})

test('null is a value but not a record; members of Object.prototype are not found', () => {
  assert.equal(parseJson('null'), null)
  for (const value of [null, [], 'a', 1, undefined]) assert.ok(!isRecord(value))
  const record = parseJson('{"__proto__":{"a":1},"b":2}')
  assert.ok(isRecord(record))
  assert.equal(ownMember(record, 'b'), 2)
  for (const name of ['a', 'toString', 'constructor']) assert.equal(ownMember(record, name), undefined)
})

test('an escaped lone surrogate becomes U+FFFD, as in Go; pairs and escaped backslashes stay', () => {
  for (const [text, read] of [
    ['"a\\ud800b"', 'a\ufffdb'],
    ['"\\uDC00"', '\ufffd'],
    ['"\\ud800\\u0041"', '\ufffdA'],
    ['"\\ud800\\ud83d\\ude00"', '\ufffd😀'],
    ['"\\ud83d\\ude00"', '😀'],
    ['"\\\\ud800"', '\\ud800'],
  ] as const) {
    assert.equal(parseJson(text), read, text)
  }
  assert.deepEqual(parseJson('{"\\udfff":1}'), { '\ufffd': 1 })
  assert.equal(replaceLoneSurrogateEscapes('{"a":1}'), '{"a":1}')
})
