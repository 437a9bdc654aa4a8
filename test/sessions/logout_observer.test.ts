import assert from 'node:assert/strict'
import test from 'node:test'
import type { Credential } from '../../src/access/verdict.ts'
import type { SessionChange } from '../../src/sessions/kratos_public.ts'
import { createLogoutObserver, type SessionOwner } from '../../src/sessions/logout_observer.ts'
import type { RevocationTarget } from '../../src/sessions/types.ts'
import { fakeClock } from '../support/clock.ts'
import { requestWith } from '../support/request.ts'

const OWNER: SessionOwner = { id: 'my session', identityId: 'me' }
const token = (value: string): Credential => ({ kind: 'token', name: '', value })

/** `cached` is a cached credential, `uncached` is known to Kratos only. */
function setup(scope: SessionChange['scope'], ...values: readonly string[]) {
  const clock = fakeClock()
  const revoked: RevocationTarget[] = []
  const calls: string[] = []
  let skipped = 0
  const watch = createLogoutObserver({
    clock,
    readSessionChange: () => ({ scope, credentials: values.map(token) }),
    findOwner: value => (value === 'cached' ? OWNER : undefined),
    verifyOwner: async ({ value }) => {
      calls.push(value)
      return value === 'uncached' ? OWNER : undefined
    },
    revoke: one => revoked.push(one),
    onSkipped: () => skipped++,
  })
  const observeRequest = async (): Promise<void> => {
    watch(requestWith())
    await new Promise(setImmediate)
  }
  return { clock, revoked, calls, observeRequest, skipped: () => skipped }
}

const ALL = { kind: 'identity', id: 'me' } as const
const OTHERS = { ...ALL, keep: 'my session' }

for (const [scope, value, expected, expectedCalls] of [
  ['session', 'cached', [{ kind: 'credential', value: 'cached' }], []],
  ['session', 'uncached', [{ kind: 'credential', value: 'uncached' }], []],
  ['others', 'cached', [OTHERS], []],
  ['others', 'uncached', [OTHERS], ['uncached']],
  ['others', 'garbage', [], ['garbage']],
  ['identity', 'cached', [{ kind: 'credential', value: 'cached' }, ALL], []],
  ['identity', 'uncached', [{ kind: 'credential', value: 'uncached' }, ALL], ['uncached']],
  ['identity', 'garbage', [{ kind: 'credential', value: 'garbage' }], ['garbage']],
] as const) {
  test(`a change of ${scope} with the credential ${value}`, async () => {
    const { observeRequest, revoked, calls } = setup(scope, value)
    await observeRequest()
    assert.deepEqual(revoked, expected)
    assert.deepEqual(calls, expectedCalls)
  })
}

test('a named session is revoked, with any credential', async () => {
  const { observeRequest, revoked } = setup({ sessionId: 'another' }, 'cached')
  await observeRequest()
  assert.deepEqual(revoked, [{ kind: 'session', id: 'another' }])
})

test('uncached credentials are limited to 100 at once and 20 per second; cached ones are not', async () => {
  const unknown = setup('session', 'garbage')
  for (let i = 0; i < 150; i++) await unknown.observeRequest()
  assert.equal(unknown.revoked.length, 100)
  assert.equal(unknown.skipped(), 50)
  unknown.clock.advance(1_000)
  for (let i = 0; i < 150; i++) await unknown.observeRequest()
  assert.equal(unknown.revoked.length, 120)
  const known = setup('session', 'cached')
  for (let i = 0; i < 150; i++) await known.observeRequest()
  assert.equal(known.revoked.length, 150)
})
