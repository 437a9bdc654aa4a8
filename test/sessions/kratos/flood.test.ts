import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { createSessionHarness, KRATOS, numbered, verdictLabel } from '../../support/session_world.ts'

const PAST_TTL_MS = 61_000
const NEGATIVE_CACHE = { ttl: 1_000, entries: 100 }

test('a refused unknown credential is refused again from memory for a moment, and asked about after it', async () => {
  const { clock, verify, asked } = createSessionHarness({ negativeCache: NEGATIVE_CACHE })
  assert.equal(verdictLabel(await verify('invented')), 'rejected miss')
  assert.equal(verdictLabel(await verify('invented')), 'rejected negative')
  assert.equal(asked.length, 1)
  clock.advance(1_000)
  assert.equal(verdictLabel(await verify('invented')), 'rejected miss')
})

test('that moment is for the short shelf alone: a rule that wants it fresh, or nothing remembered, asks', async () => {
  const { verify, asked } = createSessionHarness({ negativeCache: NEGATIVE_CACHE })
  await verify('invented')
  assert.equal(verdictLabel(await verify('invented', { fresh: true })), 'rejected miss')
  assert.equal(
    verdictLabel(await verify('invented', { endpoint: { ...KRATOS, maxAge: millis(0) } })),
    'rejected off',
  )
  assert.equal(asked.length, 3)
})

test('a rule that remembers nothing leaves nothing on the short shelf', async () => {
  const { verify } = createSessionHarness({ negativeCache: NEGATIVE_CACHE })
  await verify('invented', { endpoint: { ...KRATOS, maxAge: millis(0) } })
  assert.equal(verdictLabel(await verify('invented')), 'rejected miss')
})

test('a credential that was good lately is never hopeless', async () => {
  const world = createSessionHarness({ negativeCache: NEGATIVE_CACHE })
  await world.logIn('anna')
  world.clock.advance(PAST_TTL_MS)
  world.loggedIn.delete('anna')
  for (let i = 0; i < 3; i++) assert.equal(verdictLabel(await world.verify('anna')), 'rejected miss')
  world.loggedIn.add('anna')
  assert.equal(verdictLabel(await world.verify('anna')), 'verified miss')
})

test('once Kratos is known to be sick, nobody is refused from the short shelf', async () => {
  const world = createSessionHarness({ negativeCache: NEGATIVE_CACHE, upstreamOptions: { outageBurst: 2 } })
  await world.logIn('anna', 'bert')
  world.clock.advance(PAST_TTL_MS)
  world.state.health = 'sick'
  assert.equal((await world.verify('stranger')).kind, 'rejected')
  await world.verify('anna')
  await world.verify('bert')
  assert.equal((await world.verify('stranger')).kind, 'unavailable')
})

test('ten thousand invented cookies push out no real session and reach Kratos at the rate of the budget', async () => {
  const users = numbered(100)
  const world = createSessionHarness({
    maxEntries: 100,
    negativeCache: NEGATIVE_CACHE,
    upstreamOptions: { rejectionBurst: 50, rejectionsPerSecond: 10 },
  })
  await world.logIn(...users)
  const kinds = new Map<string, number>()
  for (let i = 0; i < 10_000; i++) {
    const { kind } = await world.verify(`invented${i}`, { address: `10.0.${i % 7}.1` })
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    if (i % 1_000 === 999) world.clock.advance(1_000)
  }
  assert.ok(world.asked.length <= 50 + 10 * 10, `${world.asked.length} calls`)
  assert.equal(kinds.get('rejected'), world.asked.length)
  assert.equal(kinds.get('unavailable'), 10_000 - world.asked.length)
  for (const user of users) assert.equal(verdictLabel(await world.verify(user)), 'verified hit')
})

test('during a flood, sessions that are known are renewed, and somebody new from another address gets in', async () => {
  const world = createSessionHarness({ upstreamOptions: { rejectionBurst: 100, rejectionsPerSecond: 0 } })
  await world.logIn('anna')
  for (const cookie of numbered(200, 'invented')) await world.verify(cookie, { address: '203.0.113.7' })
  assert.equal(world.asked.length, 50)
  world.loggedIn.add('new')
  assert.equal(verdictLabel(await world.verify('new', { address: '198.51.100.1' })), 'verified miss')
  assert.equal((await world.verify('new2', { address: '203.0.113.7' })).kind, 'unavailable')
  for (const cookie of numbered(100, 'distributed'))
    await world.verify(cookie, { address: `10.1.1.${cookie.slice(11)}` })
  world.loggedIn.add('newer')
  assert.equal(
    (await world.verify('newer', { address: '198.51.100.2' })).kind,
    'unavailable',
    'nothing is left',
  )
  world.clock.advance(PAST_TTL_MS)
  assert.equal(verdictLabel(await world.verify('anna', { address: '203.0.113.7' })), 'verified miss')
})

test('log-ins without a flood cost nothing of the budget', async () => {
  const world = createSessionHarness({
    upstreamOptions: { rejectionBurst: 10, rejectionsPerSecond: 0 },
    maxEntries: 10_000,
  })
  const users = numbered(1_000)
  for (const user of users) world.loggedIn.add(user)
  for (const user of users) assert.equal((await world.verify(user)).kind, 'verified')
})
