import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createCacheCipher } from '../../../src/sessions/replication/encryption.ts'

const OLD = 'the key of yesterday, of 32 or more'
const NEW = 'the key of tomorrow, of 32 or more'
const seals = createCacheCipher([NEW])

test('what was sealed for a place opens there, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, place) => {
      assert.equal(seals.decrypt(place, seals.encrypt(place, text)), text)
    }),
  )
})

test('it opens nowhere else, by no other key, and not after a single changed bit (C21)', () => {
  const sealed = seals.encrypt('v1:one', '{"session":1}')
  assert.equal(seals.decrypt('v1:two', sealed), undefined)
  assert.equal(createCacheCipher([OLD]).decrypt('v1:one', sealed), undefined)
  const [key, text] = sealed.split('.') as [string, string]
  const bytes = Buffer.from(text, 'base64url')
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes)
    changed[i] = (changed[i] as number) ^ 1
    assert.equal(seals.decrypt('v1:one', `${key}.${changed.toString('base64url')}`), undefined, `at ${i}`)
    assert.equal(seals.decrypt('v1:one', `${key}.${bytes.subarray(0, i).toString('base64url')}`), undefined)
  }
  assert.equal(seals.decrypt('v1:one', text), undefined)
  assert.equal(seals.decrypt('v1:one', `.${text}`), undefined)
})

test('anything else is nothing, and never an exception', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      assert.equal(seals.decrypt('v1:one', text), undefined)
    }),
  )
})

test('the same text is sealed differently each time, and shows nothing of itself', () => {
  const texts = Array.from({ length: 100 }, () => seals.encrypt('v1:one', 'ory_kratos_session'))
  assert.equal(new Set(texts).size, 100)
  assert.ok(texts.every(text => !text.includes('ory') && !Buffer.from(text, 'base64url').includes('ory')))
})

test('while one key follows the other, both open, and everybody finds names by the key that he has', () => {
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

test('unequal tuples have unequal names', () => {
  const tuple = fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.string())), {
    maxLength: 4,
  })
  fc.assert(
    fc.property(tuple, tuple, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other)
      assert.equal(seals.keyedHashes(one)[0] === seals.keyedHashes(other)[0], same)
    }),
  )
})
