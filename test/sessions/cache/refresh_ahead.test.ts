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
} from '../../support/session_world.ts'

const open = (options: SessionHarnessOptions = {}) => createSessionHarness({ refreshAhead: 0.2, ...options })
const settled = () => new Promise(setImmediate)
const outcomes = (news: readonly { kind: string; outcome?: string }[]) =>
  news.filter(one => one.kind === 'renewal').map(one => one.outcome)

test('a session in use is renewed beside a request in the last fifth of its time, and nobody waits', async () => {
  const world = open()
  await world.logIn('anna')
  world.clock.advance(47_999)
  await world.verify('anna')
  assert.equal(world.asked.length, 0)
  world.clock.advance(1)
  for (let i = 0; i < 20; i++) {
    const hit = world.verify('anna')
    assert.ok(!(hit instanceof Promise))
    assert.equal(verdictLabel(hit), 'verified hit')
  }
  assert.equal(world.asked.length, 1)
  await settled()
  world.clock.advance(40_000)
  assert.equal(verdictLabel(await world.verify('anna')), 'verified hit', 'its time began anew')
  assert.deepEqual(outcomes(world.news), ['renewed'])
})

test('a session that nobody uses is not renewed', async () => {
  const world = open()
  await world.logIn('anna')
  world.clock.advance(59_999)
  await settled()
  assert.equal(world.asked.length, 0)
})

test('the rule’s own bound counts, where it is shorter', async () => {
  const world = open()
  const brief = { endpoint: { ...KRATOS, maxAge: millis(10_000) } }
  await world.logIn('anna')
  world.clock.advance(7_999)
  await world.verify('anna', brief)
  assert.equal(world.asked.length, 0)
  world.clock.advance(1)
  assert.equal(verdictLabel(await world.verify('anna', brief)), 'verified hit')
  assert.equal(world.asked.length, 1)
  await settled()
  world.clock.advance(5_000)
  assert.equal(verdictLabel(await world.verify('anna', brief)), 'verified hit')
})

test('an honest no ends the session before its time', async () => {
  const world = open()
  await world.logIn('anna')
  world.loggedIn.delete('anna')
  world.clock.advance(50_000)
  assert.equal(verdictLabel(await world.verify('anna')), 'verified hit')
  await settled()
  assert.equal(verdictLabel(await world.verify('anna')), 'rejected miss')
  assert.deepEqual(outcomes(world.news), ['ended'])
})

test('when Kratos cannot say, the session lives on to its time and no longer, and is tried again each second', async () => {
  const world = open()
  await world.logIn('anna')
  world.state.health = 'error'
  world.clock.advance(50_000)
  for (let i = 0; i < 20; i++) {
    assert.equal(verdictLabel(await world.verify('anna')), 'verified hit')
    await settled()
    world.clock.advance(499)
  }
  assert.deepEqual(outcomes(world.news), Array(world.asked.length).fill('failed'))
  assert.ok(world.asked.length >= 6 && world.asked.length <= 10, `${world.asked.length} calls`)
  world.clock.advance(20)
  assert.equal((await world.verify('anna')).kind, 'unavailable')
})

test('renewals under way are bounded; the others wait for a later request', async () => {
  const world = open({ upstreamOptions: { maxConcurrentRequests: 8 } })
  await world.logIn(...numbered(20))
  world.state.health = 'slow'
  world.clock.advance(50_000)
  for (const user of numbered(20)) assert.equal(verdictLabel(await world.verify(user)), 'verified hit')
  assert.equal(world.asked.length, 2)
  assert.equal(outcomes(world.news).length, 18)
  world.kratos.letGo()
  await settled()
  world.clock.advance(1_000)
  for (const user of numbered(4, 'user1')) await world.verify(user)
  assert.equal(world.asked.length, 4)
})

test('a cookie that Kratos renews is not lost: whoever asks after the time of the session gets it', async () => {
  const world = open()
  await world.logIn('anna')
  world.answers.set(
    'anna',
    liveSession([['set-cookie', 'ory_kratos_session=new; Path=/']], { id: sessionIdOf('anna') }),
  )
  world.clock.advance(50_000)
  await world.verify('anna')
  await settled()
  world.clock.advance(5_000)
  await world.verify('anna')
  assert.equal(world.asked.length, 1, 'no more renewals of that one')
  world.clock.advance(5_000)
  const verdict = await world.verify('anna')
  assert.ok(verdict.kind === 'verified' && verdict.cache === 'miss')
  assert.equal(verdict.responseHeaders.length, 1)
})

test('a session that is revoked while it is renewed stays out', async () => {
  const world = open()
  await world.logIn('anna')
  world.state.health = 'slow'
  world.clock.advance(50_000)
  await world.verify('anna')
  world.sessions.revoke({ kind: 'session', id: sessionIdOf('anna') })
  world.kratos.letGo()
  await settled()
  world.loggedIn.delete('anna')
  assert.equal((await world.verify('anna')).kind, 'rejected')
})

test('a share of 0 renews nothing', async () => {
  const world = open({ refreshAhead: 0 })
  await world.logIn('anna')
  world.clock.advance(59_999)
  await world.verify('anna')
  assert.equal(world.asked.length, 0)
})
