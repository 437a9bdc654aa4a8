import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { mediaTypeMatches, parseMediaTypes } from '../../src/http/media_type.ts'

for (const [text, expected] of [
  ['text/html', ['text/html 1']],
  ['Text/HTML;level=1, */*;q=0.8', ['text/html 1', '*/* 0.8']],
  ['text/html ; q=0', ['text/html 0']],
  ['a/b;Q=0.5', ['a/b 0.5']],
  ['a/b;x="1,2;\\",", c/d', ['a/b 1', 'c/d 1']],
  ['text, /html, text/, a/b/c', []],
  ['a/b c/d, e/f', ['e/f 1']],
  ['', []],
] as const) {
  test(`${JSON.stringify(text)} is parsed as ${JSON.stringify(expected)} (Q-41, Q-42)`, () => {
    const read = parseMediaTypes(text).map(({ type, subtype, quality }) => `${type}/${subtype} ${quality}`)
    assert.deepEqual(read, expected)
  })
}

for (const [pattern, type, expected] of [
  ['text/html', 'text/html', true],
  ['Text/HTML', 'text/html', true],
  ['text/*', 'text/html', true],
  ['text/*', 'image/png', false],
  ['*/*', 'image/png', true],
  ['text/html', 'text/*', false],
  ['text/*', 'text/*', true],
  ['application/json', '*/*', false],
  ['text', 'text/html', false],
] as const) {
  test(`the pattern ${pattern} ${expected ? 'matches' : 'does not match'} ${type}`, () => {
    const [read] = parseMediaTypes(type)
    assert.ok(read)
    assert.equal(mediaTypeMatches(pattern, read), expected)
  })
}

test('parsing never throws, and every quality is a number', () => {
  const pieces = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('text/html', ';q=', ',', '"', '\\', '; ', '0.5'),
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 10 }), parts => {
      for (const { type, subtype, quality } of parseMediaTypes(parts.join(''))) {
        assert.match(`${type}/${subtype}`, /^[^/,; ]+\/[^/,; ]+$/)
        assert.ok(quality >= 0 && quality <= 1, String(quality))
      }
    }),
    { numRuns: 3_000 },
  )
})

for (const text of [
  'text/html;q=1.5',
  'text/html;q=1.0.0',
  'text/html;q=2',
  'text/html;q=.',
  'text/html;q=-1',
]) {
  test(`${text} has an invalid quality and is left out (D18)`, () => {
    assert.deepEqual(
      parseMediaTypes(text).filter(({ quality }) => quality > 0),
      [],
    )
  })
}
