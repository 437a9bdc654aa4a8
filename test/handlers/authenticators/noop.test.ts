import assert from 'node:assert/strict'
import test from 'node:test'
import { noop } from '../../../src/handlers/authenticators/noop.ts'
import { requestWith } from '../../support/request.ts'
import { compileHandler } from '../build.ts'

test('authenticates with an empty subject and without data, whatever its config', () => {
  const outcome = compileHandler(noop, { junk: [1] })(requestWith([['authorization', 'Bearer x']]))
  assert.deepEqual(outcome, {
    kind: 'identity',
    subject: '',
    extra: undefined,
    responseHeaders: [],
    annotations: {},
  })
})
