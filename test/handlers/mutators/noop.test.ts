import assert from 'node:assert/strict'
import test from 'node:test'
import { noop } from '../../../src/handlers/mutators/noop.ts'
import { compileHandler, sessionOf } from '../build.ts'

test('returns the same session', () => {
  const session = sessionOf('u')
  assert.equal(compileHandler(noop, { junk: 1 })(session), session)
})
