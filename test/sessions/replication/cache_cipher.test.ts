import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createCacheCipher } from '../../../src/sessions/replication/cache_cipher.ts'

const OLD = 'the key of yesterday, of 32 or more'
const NEW = 'the key of tomorrow, of 32 or more'
const cipher = createCacheCipher([NEW])

test('decrypts any text with the same context', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, context) => {
      assert.equal(cipher.decrypt(context, cipher.encrypt(context, text)), text)
    }),
  )
})

test('does not decrypt with another context, another key, or after a changed bit (C21)', () => {
  const encrypted = cipher.encrypt('v1:one', '{"session":1}')
  assert.equal(cipher.decrypt('v1:two', encrypted), undefined)
  assert.equal(createCacheCipher([OLD]).decrypt('v1:one', encrypted), undefined)
  const [key, text] = encrypted.split('.') as [string, string]
  const bytes = Buffer.from(text, 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes)
    changed[i] = (changed[i] as number) ^ 1
    assert.equal(cipher.decrypt('v1:one', `${key}.${changed.toString('base64url')}`), undefined, `at ${i}`)
    assert.equal(cipher.decrypt('v1:one', `${key}.${bytes.subarray(0, i).toString('base64url')}`), undefined)
  }
  assert.equal(cipher.decrypt('v1:one', text), undefined)
  assert.equal(cipher.decrypt('v1:one', `.${text}`), undefined)
})

test('decrypting any other text gives undefined and never throws', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      assert.equal(cipher.decrypt('v1:one', text), undefined)
    }),
  )
})

test('encrypts the same text differently each time, without a trace of it', () => {
  const texts = Array.from({ length: 100 }, () => cipher.encrypt('v1:one', 'ory_kratos_session'))
  assert.equal(new Set(texts).size, 100)
  assert.ok(texts.every(text => !text.includes('ory') && !Buffer.from(text, 'base64url').includes('ory')))
})

test('during a key rotation both keys decrypt, and each replica finds hashes by a key that it has', () => {
  const before = createCacheCipher([OLD])
  const [during, after] = [createCacheCipher([OLD, NEW]), createCacheCipher([NEW, OLD])]
  for (const [writer, reader] of [
    [before, during],
    [during, after],
    [after, during],
  ] as const) {
    assert.equal(reader.decrypt('p', writer.encrypt('p', 'x')), 'x')
  }
  const tuple = ['session', '1']
  for (const [writer, reader] of [
    [during, before],
    [during, after],
    [after, during],
    [after, createCacheCipher([NEW])],
  ] as const) {
    assert.ok(writer.keyedHashes(tuple).includes(reader.keyedHashes(tuple)[0]))
  }
})

test('unequal tuples have unequal hashes', () => {
  const tuple = fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.string())), {
    maxLength: 4,
  })
  fc.assert(
    fc.property(tuple, tuple, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other)
      assert.equal(cipher.keyedHashes(one)[0] === cipher.keyedHashes(other)[0], same)
    }),
  )
})
