import assert from 'node:assert/strict'
import test from 'node:test'
import { estimateHeapBytes } from '../../src/lib/heap_size.ts'

test('strings count by their length, wherever they are', () => {
  const text = 'x'.repeat(10_000)
  for (const value of [text, [text], { a: { b: text } }, { [text]: 1 }, new Map([['k', [text]]])]) {
    const bytes = estimateHeapBytes(value)
    assert.ok(bytes >= 20_000 && bytes < 20_500, String(bytes))
  }
})

test('many small values count for more than their text', () => {
  const text = `[${Array.from({ length: 10_000 }, () => '[]').join(',')}]`
  assert.ok(estimateHeapBytes(JSON.parse(text)) > 10 * text.length)
})

test('a value may be nested deeply', () => {
  const depth = 100_000
  const value = JSON.parse('[]') as unknown[]
  let inner = value
  for (let i = 0; i < depth; i++) {
    const next: unknown[] = []
    inner.push(next)
    inner = next
  }
  assert.ok(estimateHeapBytes(value) > depth)
})
