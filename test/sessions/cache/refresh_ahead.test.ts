import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { alive } from '../../support/kratos.ts'
import { idOf, KRATOS, many, sessionWorld, stateOf, type WorldOptions } from '../../support/session_world.ts'

const open = (options: WorldOptions = {}) => sessionWorld({ refreshAhead: 0.2, ...options })
const settled = () => new Promise(setImmediate)
const outcomes = (news: readonly { kind: string; outcome?: string }[]) =>
  news.filter(one => one.kind === 'renewal').map(one => one.outcome)

test('a session in use is renewed beside a request in the last fifth of its time, and nobody waits', async () => {
  const world = open()
  await world.logIn('anna')
  world.clock.pass(47_999)
  await world.verify('anna')
  assert.equal(world.asked.length, 0)
  world.clock.pass(1)
  for (let i = 0; i < 20; i++) {
    const hit = world.verify('anna')
    assert.ok(!(hit instanceof Promise))
    assert.equal(stateOf(hit), 'verified hit')
  }
  assert.equal(world.asked.length, 1)
  await settled()
  world.clock.pass(40_000)
  assert.equal(stateOf(await world.verify('anna')), 'verified hit', 'its time began anew')
  assert.deepEqual(outcomes(world.news), ['renewed'])
})

test('a session that nobody uses is not renewed', async () => {
  const world = open()
  await world.logIn('anna')
  world.clock.pass(59_999)
  await settled()
  assert.equal(world.asked.length, 0)
})

test('the rule’s own bound counts, where it is shorter', async () => {
  const world = open()
  const brief = { endpoint: { ...KRATOS, maxAge: millis(10_000) } }
  await world.logIn('anna')
  world.clock.pass(7_999)
  await world.verify('anna', brief)
  assert.equal(world.asked.length, 0)
  world.clock.pass(1)
  assert.equal(stateOf(await world.verify('anna', brief)), 'verified hit')
  assert.equal(world.asked.length, 1)
  await settled()
  world.clock.pass(5_000)
  assert.equal(stateOf(await world.verify('anna', brief)), 'verified hit')
})

test('an honest no ends the session before its time', async () => {
  const world = open()
  await world.logIn('anna')
  world.loggedIn.delete('anna')
  world.clock.pass(50_000)
  assert.equal(stateOf(await world.verify('anna')), 'verified hit')
  await settled()
  assert.equal(stateOf(await world.verify('anna')), 'rejected miss')
  assert.deepEqual(outcomes(world.news), ['ended'])
})

test('when Kratos cannot say, the session lives on to its time and no longer, and is tried again each second', async () => {
  const world = open()
  await world.logIn('anna')
  world.state.health = 'error'
  world.clock.pass(50_000)
  for (let i = 0; i < 20; i++) {
    assert.equal(stateOf(await world.verify('anna')), 'verified hit')
    await settled()
    world.clock.pass(499)
  }
  assert.deepEqual(outcomes(world.news), Array(world.asked.length).fill('failed'))
  assert.ok(world.asked.length >= 6 && world.asked.length <= 10, `${world.asked.length} calls`)
  world.clock.pass(20)
  assert.equal((await world.verify('anna')).kind, 'unavailable')
})

test('renewals under way are bounded; the others wait for a later request', async () => {
  const world = open({ limits: { places: 8 } })
  await world.logIn(...many(20))
  world.state.health = 'slow'
  world.clock.pass(50_000)
  for (const user of many(20)) assert.equal(stateOf(await world.verify(user)), 'verified hit')
  assert.equal(world.asked.length, 2)
  assert.equal(outcomes(world.news).length, 18)
  world.kratos.letGo()
  await settled()
  world.clock.pass(1_000)
  for (const user of many(4, 'user1')) await world.verify(user)
  assert.equal(world.asked.length, 4)
})

test('a cookie that Kratos renews is not lost: whoever asks after the time of the session gets it', async () => {
  const world = open()
  await world.logIn('anna')
  world.answers.set('anna', alive([['set-cookie', 'ory_kratos_session=new; Path=/']], { id: idOf('anna') }))
  world.clock.pass(50_000)
  await world.verify('anna')
  await settled()
  world.clock.pass(5_000)
  await world.verify('anna')
  assert.equal(world.asked.length, 1, 'no more renewals of that one')
  world.clock.pass(5_000)
  const verdict = await world.verify('anna')
  assert.ok(verdict.kind === 'verified' && verdict.cache === 'miss')
  assert.equal(verdict.responseHeaders.length, 1)
})

test('a session that is revoked while it is renewed stays out', async () => {
  const world = open()
  await world.logIn('anna')
  world.state.health = 'slow'
  world.clock.pass(50_000)
  await world.verify('anna')
  world.sessions.revoke({ kind: 'session', id: idOf('anna') })
  world.kratos.letGo()
  await settled()
  world.loggedIn.delete('anna')
  assert.equal((await world.verify('anna')).kind, 'rejected')
})

test('a share of 0 renews nothing', async () => {
  const world = open({ refreshAhead: 0 })
  await world.logIn('anna')
  world.clock.pass(59_999)
  await world.verify('anna')
  assert.equal(world.asked.length, 0)
})
