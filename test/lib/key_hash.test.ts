import assert from 'node:assert/strict'
import test from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { createKeyHash, encodeKeyPart, type KeyPart } from '../../src/lib/key_hash.ts'

const keyOf = createKeyHash(Buffer.from('secret of a test'))

/** Strings that look like encodings, with unpaired surrogates and parts of each other. */
const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    'ab',
    'abc',
    's1:a',
    'a0:',
    'u',
    'z',
    'n1;',
    't',
    '\ud800',
    '\udfff',
    '\ufffd',
    'é',
    'é',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const part: fc.Arbitrary<KeyPart> = fc.letrec<{ part: KeyPart }>(tie => ({
  part: fc.oneof(
    { maxDepth: 2 },
    text,
    fc.constantFrom<KeyPart>(null, undefined, true, false, 0, -0, 1, 12, Number.NaN, '1', 'null', 'true'),
    fc.array(tie('part'), { maxLength: 3 }),
  ),
})).part
const tuple = fc.array(part, { maxLength: 4 })

test('unequal tuples have unequal keys, equal tuples have equal keys (C6)', () => {
  fc.assert(
    fc.property(tuple, tuple, (a, b) => {
      assert.equal(keyOf(a) === keyOf(b), isDeepStrictEqual(a, b))
    }),
    { numRuns: 2000 },
  )
})

test('moving a boundary by one character changes the key', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), fc.nat(), (a, b, n) => {
      const whole = a + b
      const cut = n % (whole.length + 1)
      const other = [whole.slice(0, cut), whole.slice(cut)]
      assert.equal(keyOf([a, b]) === keyOf(other), other[0] === a)
    }),
  )
})

test('unpaired surrogates, which UTF-8 encodes alike, have unequal keys', () => {
  const keys = ['\ud800', '\udfff', '\ufffd', '\\ud800'].map(text => keyOf([text]))
  assert.equal(new Set(keys).size, keys.length)
})

test('no encoding is a prefix of another', () => {
  fc.assert(
    fc.property(part, part, (a, b) => {
      const [one, other] = [encodeKeyPart(a), encodeKeyPart(b)]
      assert.ok(one === other || !other.startsWith(one))
    }),
    { numRuns: 2000 },
  )
})

test('a key has a fixed size, reveals nothing of the tuple, and depends on the secret', () => {
  const key = keyOf(['cookie', 'x'.repeat(10_000)])
  assert.match(key, /^[\w-]{43}$/)
  assert.notEqual(createKeyHash(Buffer.from('another'))(['cookie']), keyOf(['cookie']))
})
