import assert from 'node:assert/strict'
import test from 'node:test'
import { createDecisionPrivacy, type DecisionPrivacyOptions } from '../../src/telemetry/decision_privacy.ts'

const privacy = (options: Partial<DecisionPrivacyOptions> = {}) =>
  createDecisionPrivacy({
    where: 'path',
    maskedPaths: [],
    who: 'subject',
    hashKey: 'a key of 16 chars',
    ...options,
  })
const pathOf = (options: Partial<DecisionPrivacyOptions>, path: string, rawPath = path) =>
  privacy(options).url({ scheme: 'https', authority: 'a.example', path, rawPath }).path

test('a path is shown as it was sent, and cut after 200 characters unless the setting is full', () => {
  assert.equal(pathOf({}, '/a b', '/a%20b'), '/a%20b')
  const long = `/${'x'.repeat(199)}`
  assert.equal(pathOf({}, long), long)
  assert.equal(pathOf({}, `${long}y`), `${long}…`)
  assert.equal(pathOf({ where: 'full' }, `${long}y`), `${long}y`)
  assert.equal(pathOf({ where: 'none' }, long), '')
})

test('a masked path is masked however it is encoded, and with every setting', () => {
  const masked = { maskedPaths: ['/reset/', '/invite/'] }
  for (const where of ['path', 'full'] as const) {
    assert.equal(pathOf({ ...masked, where }, '/reset/s3cret', '/%72eset/s3cret'), '/reset/…')
    assert.equal(pathOf({ ...masked, where }, '/invite/s3cret'), '/invite/…')
    assert.equal(pathOf({ ...masked, where }, '/resets'), '/resets')
  }
})

test('a cut does not split a character', () => {
  assert.ok(pathOf({}, `/${'x'.repeat(198)}😀`).isWellFormed())
  assert.ok(
    privacy()
      .person(`${'x'.repeat(255)}😀`)
      .isWellFormed(),
  )
})

test('a hash is the same for a key, another for another key, and empty for nobody', () => {
  const hashed = privacy({ who: 'hash' })
  const hash = hashed.person('user-1')
  assert.match(hash, /^[0-9a-f]{16}$/)
  assert.equal(hashed.person('user-1'), hash)
  assert.equal(privacy({ who: 'hash' }).person('user-1'), hash)
  assert.notEqual(privacy({ who: 'hash', hashKey: 'another key' }).person('user-1'), hash)
  assert.notEqual(hashed.person('user-2'), hash)
  assert.equal(hashed.person(''), '')
  assert.equal(privacy({ who: 'none' }).person('user-1'), '')
})
