import assert from 'node:assert/strict'
import test from 'node:test'
import { NOT_RESPONSIBLE } from '../../../src/access/pipeline.ts'
import { anonymous } from '../../../src/handlers/authenticators/anonymous.ts'
import { requestWith } from '../../support/request.ts'
import { compileHandler } from '../build.ts'

for (const [config, subject] of [
  [undefined, 'anonymous'],
  [{ subject: '' }, 'anonymous'],
  [{ subject: 'guest' }, 'guest'],
] as const) {
  test(`a request without Authorization has the subject ${subject} with ${JSON.stringify(config)}`, () => {
    const outcome = compileHandler(anonymous, config)(requestWith([['cookie', 'ory_kratos_session=x']]))
    assert.deepEqual(outcome, {
      kind: 'identity',
      subject,
      extra: undefined,
      responseHeaders: [],
      annotations: {},
    })
  })
}

test('does not apply with an Authorization header of any scheme (Q-47)', () => {
  assert.equal(compileHandler(anonymous)(requestWith([['Authorization', 'Basic zzz']])), NOT_RESPONSIBLE)
})

test('an empty Authorization header counts as absent', () => {
  assert.notEqual(compileHandler(anonymous)(requestWith([['Authorization', '']])), NOT_RESPONSIBLE)
})

test('rejects unknown keys', () => {
  assert.throws(() => compileHandler(anonymous, { subjekt: 'x' }), /subjekt/)
})
