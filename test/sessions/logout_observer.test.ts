import assert from 'node:assert/strict'
import test from 'node:test'
import type { Credential } from '../../src/access/verdict.ts'
import type { SessionChange } from '../../src/sessions/kratos_public.ts'
import { createLogoutObserver, type SessionOwner } from '../../src/sessions/logout_observer.ts'
import type { RevocationTarget } from '../../src/sessions/types.ts'
import { fakeClock } from '../support/clock.ts'
import { requestWith } from '../support/request.ts'

const MINE: SessionOwner = { id: 'my session', identityId: 'me' }
const token = (value: string): Credential => ({ kind: 'token', name: '', value })

/** `mine` is remembered, `forgotten` is known to Kratos only. */
function setup(of: SessionChange['scope'], ...values: readonly string[]) {
  const clock = fakeClock()
  const revoked: RevocationTarget[] = []
  const asked: string[] = []
  let skipped = 0
  const watch = createLogoutObserver({
    clock,
    readSessionChange: () => ({ scope: of, credentials: values.map(token) }),
    findOwner: value => (value === 'mine' ? MINE : undefined),
    verifyOwner: async ({ value }) => {
      asked.push(value)
      return value === 'forgotten' ? MINE : undefined
    },
    revoke: one => revoked.push(one),
    onSkipped: () => skipped++,
  })
  const pass = async (): Promise<void> => {
    watch(requestWith())
    await new Promise(setImmediate)
  }
  return { clock, revoked, asked, pass, skipped: () => skipped }
}

const ALL = { kind: 'identity', id: 'me' } as const
const OTHERS = { ...ALL, keep: 'my session' }

for (const [of, value, expected, askedFor] of [
  ['session', 'mine', [{ kind: 'credential', value: 'mine' }], []],
  ['session', 'forgotten', [{ kind: 'credential', value: 'forgotten' }], []],
  ['others', 'mine', [OTHERS], []],
  ['others', 'forgotten', [OTHERS], ['forgotten']],
  ['others', 'garbage', [], ['garbage']],
  ['identity', 'mine', [{ kind: 'credential', value: 'mine' }, ALL], []],
  ['identity', 'forgotten', [{ kind: 'credential', value: 'forgotten' }, ALL], ['forgotten']],
  ['identity', 'garbage', [{ kind: 'credential', value: 'garbage' }], ['garbage']],
] as const) {
  test(`what ends ${of}, by a credential that is ${value}`, async () => {
    const { pass, revoked, asked } = setup(of, value)
    await pass()
    assert.deepEqual(revoked, expected)
    assert.deepEqual(asked, askedFor)
  })
}

test('a session that is named ends, whoever asks for it', async () => {
  const { pass, revoked } = setup({ sessionId: 'another' }, 'mine')
  await pass()
  assert.deepEqual(revoked, [{ kind: 'session', id: 'another' }])
})

test('credentials that nobody knows are heard a hundred at once and twenty a second; those that are known always', async () => {
  const unknown = setup('session', 'garbage')
  for (let i = 0; i < 150; i++) await unknown.pass()
  assert.equal(unknown.revoked.length, 100)
  assert.equal(unknown.skipped(), 50)
  unknown.clock.advance(1_000)
  for (let i = 0; i < 150; i++) await unknown.pass()
  assert.equal(unknown.revoked.length, 120)
  const known = setup('session', 'mine')
  for (let i = 0; i < 150; i++) await known.pass()
  assert.equal(known.revoked.length, 150)
})
