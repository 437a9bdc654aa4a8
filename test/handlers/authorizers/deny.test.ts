import assert from 'node:assert/strict'
import test from 'node:test'
import type { Denial } from '../../../src/access/denial.ts'
import type { Session } from '../../../src/access/session.ts'
import { deny } from '../../../src/handlers/authorizers/deny.ts'
import { eraseConfigType } from '../../../src/handlers/handler.ts'
import type { Services } from '../../../src/handlers/services.ts'
import { testPages } from '../../support/handler_harness.ts'

test('deny denies every session with 403, whatever its config', () => {
  for (const config of [undefined, { junk: 1 }, []]) {
    const { run } = eraseConfigType(deny).build(config, {} as Services, {
      strategy: 'regexp',
      pages: testPages(),
      warn: () => {},
    })
    const { status, code } = run({ kind: 'session' } as Session) as Denial
    assert.deepEqual([status, code], [403, 'forbidden'])
  }
})
