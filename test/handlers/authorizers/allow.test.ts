import assert from 'node:assert/strict'
import test from 'node:test'
import type { Session } from '../../../src/access/session.ts'
import { allow } from '../../../src/handlers/authorizers/allow.ts'
import { eraseConfigType } from '../../../src/handlers/handler.ts'
import type { Services } from '../../../src/handlers/services.ts'
import { testPages } from '../../support/handler_harness.ts'

test('allow returns the same session, whatever its config', () => {
  const { run } = eraseConfigType(allow).build({ junk: true }, {} as Services, {
    strategy: 'regexp',
    pages: testPages(),
    warn: () => {},
  })
  const session = { kind: 'session' } as Session
  assert.equal(run(session), session)
})
