import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { liveSession } from '../../support/kratos.ts'
import {
  createSessionHarness,
  KRATOS,
  numbered,
  type SessionHarnessOptions,
  sessionIdOf,
  verdictLabel,
} from '../../support/session_harness.ts'

const open = (options: SessionHarnessOptions = {}) => createSessionHarness({ refreshAhead: 0.2, ...options })
const settled = () => new Promise(setImmediate)
const outcomes = (events: readonly { kind: string; outcome?: string }[]) =>
  events.filter(one => one.kind === 'refresh').map(one => one.outcome)

test('a request in the last fifth of the freshness lifetime triggers a background refresh', async () => {
  const harness = open()
  await harness.logIn('anna')
  harness.clock.advance(47_999)
  await harness.verify('anna')
  assert.equal(harness.calls.length, 0)
  harness.clock.advance(1)
  for (let i = 0; i < 20; i++) {
    const hit = harness.verify('anna')
    assert.ok(!(hit instanceof Promise))
    assert.equal(verdictLabel(hit), 'verified hit')
  }
  assert.equal(harness.calls.length, 1)
  await settled()
  harness.clock.advance(40_000)
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified hit', 'its time began anew')
  assert.deepEqual(outcomes(harness.events), ['renewed'])
})

test('an unused session is not refreshed', async () => {
  const harness = open()
  await harness.logIn('anna')
  harness.clock.advance(59_999)
  await settled()
  assert.equal(harness.calls.length, 0)
})

test('a shorter maximum age of the rule applies', async () => {
  const harness = open()
  const brief = { endpoint: { ...KRATOS, maxAge: millis(10_000) } }
  await harness.logIn('anna')
  harness.clock.advance(7_999)
  await harness.verify('anna', brief)
  assert.equal(harness.calls.length, 0)
  harness.clock.advance(1)
  assert.equal(verdictLabel(await harness.verify('anna', brief)), 'verified hit')
  assert.equal(harness.calls.length, 1)
  await settled()
  harness.clock.advance(5_000)
  assert.equal(verdictLabel(await harness.verify('anna', brief)), 'verified hit')
})

test('a rejection ends the session before its freshness lifetime', async () => {
  const harness = open()
  await harness.logIn('anna')
  harness.loggedIn.delete('anna')
  harness.clock.advance(50_000)
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified hit')
  await settled()
  assert.equal(verdictLabel(await harness.verify('anna')), 'rejected miss')
  assert.deepEqual(outcomes(harness.events), ['ended'])
})

test('while Kratos is unavailable the entry stays fresh as long as before, and is retried every second', async () => {
  const harness = open()
  await harness.logIn('anna')
  harness.state.health = 'error'
  harness.clock.advance(50_000)
  for (let i = 0; i < 20; i++) {
    assert.equal(verdictLabel(await harness.verify('anna')), 'verified hit')
    await settled()
    harness.clock.advance(499)
  }
  assert.deepEqual(outcomes(harness.events), Array(harness.calls.length).fill('failed'))
  assert.ok(harness.calls.length >= 6 && harness.calls.length <= 10, `${harness.calls.length} calls`)
  harness.clock.advance(20)
  assert.equal((await harness.verify('anna')).kind, 'unavailable')
})

test('the number of concurrent refreshes is bounded; later requests trigger the others', async () => {
  const harness = open({ upstreamOptions: { maxConcurrentRequests: 8 } })
  await harness.logIn(...numbered(20))
  harness.state.health = 'slow'
  harness.clock.advance(50_000)
  for (const user of numbered(20)) assert.equal(verdictLabel(await harness.verify(user)), 'verified hit')
  assert.equal(harness.calls.length, 2)
  assert.equal(outcomes(harness.events).length, 18)
  harness.kratos.releaseCalls()
  await settled()
  harness.clock.advance(1_000)
  for (const user of numbered(4, 'user1')) await harness.verify(user)
  assert.equal(harness.calls.length, 4)
})

test('a cookie that Kratos reissues is not lost: a request after the freshness lifetime receives it', async () => {
  const harness = open()
  await harness.logIn('anna')
  harness.overrides.set(
    'anna',
    liveSession([['set-cookie', 'ory_kratos_session=new; Path=/']], { id: sessionIdOf('anna') }),
  )
  harness.clock.advance(50_000)
  await harness.verify('anna')
  await settled()
  harness.clock.advance(5_000)
  await harness.verify('anna')
  assert.equal(harness.calls.length, 1, 'no more renewals of that one')
  harness.clock.advance(5_000)
  const verdict = await harness.verify('anna')
  assert.ok(verdict.kind === 'verified' && verdict.cache === 'miss')
  assert.equal(verdict.responseHeaders.length, 1)
})

test('a session revoked during its refresh stays revoked', async () => {
  const harness = open()
  await harness.logIn('anna')
  harness.state.health = 'slow'
  harness.clock.advance(50_000)
  await harness.verify('anna')
  harness.sessions.revoke({ kind: 'session', id: sessionIdOf('anna') })
  harness.kratos.releaseCalls()
  await settled()
  harness.loggedIn.delete('anna')
  assert.equal((await harness.verify('anna')).kind, 'rejected')
})

test('a share of 0 disables the refresh', async () => {
  const harness = open({ refreshAhead: 0 })
  await harness.logIn('anna')
  harness.clock.advance(59_999)
  await harness.verify('anna')
  assert.equal(harness.calls.length, 0)
})
