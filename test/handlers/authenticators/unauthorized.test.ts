import assert from 'node:assert/strict'
import test from 'node:test'
import { unauthorized } from '../../../src/handlers/authenticators/unauthorized.ts'
import { requestWith } from '../../support/request.ts'
import { assertDenial, compileHandler } from '../build.ts'

test('rejects every request with 401', () => {
  const outcome = compileHandler(unauthorized)(requestWith())
  assertDenial(outcome)
  assert.equal(outcome.status, 401)
})
