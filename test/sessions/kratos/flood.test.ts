import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { KRATOS, many, sessionWorld, stateOf } from '../../support/session_world.ts'

const PAST = 61_000
const HOPELESS = { ttl: 1_000, entries: 100 }

test('a refused unknown credential is refused again from memory for a moment, and asked about after it', async () => {
  const { clock, verify, asked } = sessionWorld({ hopeless: HOPELESS })
  assert.equal(stateOf(await verify('invented')), 'rejected miss')
  assert.equal(stateOf(await verify('invented')), 'rejected negative')
  assert.equal(asked.length, 1)
  clock.pass(1_000)
  assert.equal(stateOf(await verify('invented')), 'rejected miss')
})

test('that moment is for the short shelf alone: a rule that wants it fresh, or nothing remembered, asks', async () => {
  const { verify, asked } = sessionWorld({ hopeless: HOPELESS })
  await verify('invented')
  assert.equal(stateOf(await verify('invented', { fresh: true })), 'rejected miss')
  assert.equal(
    stateOf(await verify('invented', { endpoint: { ...KRATOS, maxAge: millis(0) } })),
    'rejected off',
  )
  assert.equal(asked.length, 3)
})

test('a rule that remembers nothing leaves nothing on the short shelf', async () => {
  const { verify } = sessionWorld({ hopeless: HOPELESS })
  await verify('invented', { endpoint: { ...KRATOS, maxAge: millis(0) } })
  assert.equal(stateOf(await verify('invented')), 'rejected miss')
})

test('a credential that was good lately is never hopeless', async () => {
  const world = sessionWorld({ hopeless: HOPELESS })
  await world.logIn('anna')
  world.clock.pass(PAST)
  world.loggedIn.delete('anna')
  for (let i = 0; i < 3; i++) assert.equal(stateOf(await world.verify('anna')), 'rejected miss')
  world.loggedIn.add('anna')
  assert.equal(stateOf(await world.verify('anna')), 'verified miss')
})

test('once Kratos is known to be sick, nobody is refused from the short shelf', async () => {
  const world = sessionWorld({ hopeless: HOPELESS, limits: { doubtBurst: 2 } })
  await world.logIn('anna', 'bert')
  world.clock.pass(PAST)
  world.state.health = 'sick'
  assert.equal((await world.verify('stranger')).kind, 'rejected')
  await world.verify('anna')
  await world.verify('bert')
  assert.equal((await world.verify('stranger')).kind, 'unavailable')
})

test('ten thousand invented cookies push out no real session and reach Kratos at the rate of the budget', async () => {
  const users = many(100)
  const world = sessionWorld({
    maxEntries: 100,
    hopeless: HOPELESS,
    limits: { refusalBurst: 50, refusalsPerSecond: 10 },
  })
  await world.logIn(...users)
  const kinds = new Map<string, number>()
  for (let i = 0; i < 10_000; i++) {
    const { kind } = await world.verify(`invented${i}`, { address: `10.0.${i % 7}.1` })
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    if (i % 1_000 === 999) world.clock.pass(1_000)
  }
  assert.ok(world.asked.length <= 50 + 10 * 10, `${world.asked.length} calls`)
  assert.equal(kinds.get('rejected'), world.asked.length)
  assert.equal(kinds.get('unavailable'), 10_000 - world.asked.length)
  for (const user of users) assert.equal(stateOf(await world.verify(user)), 'verified hit')
})

test('during a flood, sessions that are known are renewed, and somebody new from another address gets in', async () => {
  const world = sessionWorld({ limits: { refusalBurst: 100, refusalsPerSecond: 0 } })
  await world.logIn('anna')
  for (const cookie of many(200, 'invented')) await world.verify(cookie, { address: '203.0.113.7' })
  assert.equal(world.asked.length, 50)
  world.loggedIn.add('new')
  assert.equal(stateOf(await world.verify('new', { address: '198.51.100.1' })), 'verified miss')
  assert.equal((await world.verify('new2', { address: '203.0.113.7' })).kind, 'unavailable')
  for (const cookie of many(100, 'distributed'))
    await world.verify(cookie, { address: `10.1.1.${cookie.slice(11)}` })
  world.loggedIn.add('newer')
  assert.equal(
    (await world.verify('newer', { address: '198.51.100.2' })).kind,
    'unavailable',
    'nothing is left',
  )
  world.clock.pass(PAST)
  assert.equal(stateOf(await world.verify('anna', { address: '203.0.113.7' })), 'verified miss')
})

test('log-ins without a flood cost nothing of the budget', async () => {
  const world = sessionWorld({ limits: { refusalBurst: 10, refusalsPerSecond: 0 }, maxEntries: 10_000 })
  const users = many(1_000)
  for (const user of users) world.loggedIn.add(user)
  for (const user of users) assert.equal((await world.verify(user)).kind, 'verified')
})
