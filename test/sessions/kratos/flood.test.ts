import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { createSessionHarness, KRATOS, numbered, verdictLabel } from '../../support/session_harness.ts'

const PAST_TTL_MS = 61_000
const NEGATIVE_CACHE = { ttl: 1_000, maxEntries: 100 }

test('a rejected unknown credential is rejected by the negative cache until its ttl', async () => {
  const { clock, verify, calls } = createSessionHarness({ negativeCache: NEGATIVE_CACHE })
  assert.equal(verdictLabel(await verify('invented')), 'rejected miss')
  assert.equal(verdictLabel(await verify('invented')), 'rejected negative')
  assert.equal(calls.length, 1)
  clock.advance(1_000)
  assert.equal(verdictLabel(await verify('invented')), 'rejected miss')
})

test('`fresh` and a rule without cache skip the negative cache', async () => {
  const { verify, calls } = createSessionHarness({ negativeCache: NEGATIVE_CACHE })
  await verify('invented')
  assert.equal(verdictLabel(await verify('invented', { fresh: true })), 'rejected miss')
  assert.equal(
    verdictLabel(await verify('invented', { endpoint: { ...KRATOS, maxAge: millis(0) } })),
    'rejected off',
  )
  assert.equal(calls.length, 3)
})

test('a rule without cache does not fill the negative cache', async () => {
  const { verify } = createSessionHarness({ negativeCache: NEGATIVE_CACHE })
  await verify('invented', { endpoint: { ...KRATOS, maxAge: millis(0) } })
  assert.equal(verdictLabel(await verify('invented')), 'rejected miss')
})

test('a recently verified credential is never in the negative cache', async () => {
  const harness = createSessionHarness({ negativeCache: NEGATIVE_CACHE })
  await harness.logIn('anna')
  harness.clock.advance(PAST_TTL_MS)
  harness.loggedIn.delete('anna')
  for (let i = 0; i < 3; i++) assert.equal(verdictLabel(await harness.verify('anna')), 'rejected miss')
  harness.loggedIn.add('anna')
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified miss')
})

test('the negative cache is not used while rejections are not trusted', async () => {
  const harness = createSessionHarness({ negativeCache: NEGATIVE_CACHE, upstreamOptions: { outageBurst: 2 } })
  await harness.logIn('anna', 'bert')
  harness.clock.advance(PAST_TTL_MS)
  harness.state.health = 'unhealthy'
  assert.equal((await harness.verify('unknown')).kind, 'rejected')
  await harness.verify('anna')
  await harness.verify('bert')
  assert.equal((await harness.verify('unknown')).kind, 'unavailable')
})

test('ten thousand invented cookies evict no session and reach Kratos at the limited rate (C20, G9)', async () => {
  const users = numbered(100)
  const harness = createSessionHarness({
    maxEntries: 100,
    negativeCache: NEGATIVE_CACHE,
    upstreamOptions: { rejectionBurst: 50, rejectionsPerSecond: 10 },
  })
  await harness.logIn(...users)
  const kinds = new Map<string, number>()
  for (let i = 0; i < 10_000; i++) {
    const { kind } = await harness.verify(`invented${i}`, { address: `10.0.${i % 7}.1` })
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    if (i % 1_000 === 999) harness.clock.advance(1_000)
  }
  assert.ok(harness.calls.length <= 50 + 10 * 10, `${harness.calls.length} calls`)
  assert.equal(kinds.get('rejected'), harness.calls.length)
  assert.equal(kinds.get('unavailable'), 10_000 - harness.calls.length)
  for (const user of users) assert.equal(verdictLabel(await harness.verify(user)), 'verified hit')
})

test('during a flood, cached sessions are verified again, and a new session from another network is accepted', async () => {
  const harness = createSessionHarness({ upstreamOptions: { rejectionBurst: 100, rejectionsPerSecond: 0 } })
  await harness.logIn('anna')
  for (const cookie of numbered(200, 'invented')) await harness.verify(cookie, { address: '203.0.113.7' })
  assert.equal(harness.calls.length, 50)
  harness.loggedIn.add('new')
  assert.equal(verdictLabel(await harness.verify('new', { address: '198.51.100.1' })), 'verified miss')
  assert.equal((await harness.verify('new2', { address: '203.0.113.7' })).kind, 'unavailable')
  for (const cookie of numbered(100, 'distributed'))
    await harness.verify(cookie, { address: `10.1.${cookie.slice(11)}.1` })
  harness.loggedIn.add('newer')
  assert.equal(
    (await harness.verify('newer', { address: '198.51.100.2' })).kind,
    'unavailable',
    'no token is left',
  )
  harness.clock.advance(PAST_TTL_MS)
  assert.equal(verdictLabel(await harness.verify('anna', { address: '203.0.113.7' })), 'verified miss')
})

test('logins do not consume the rejection limit', async () => {
  const harness = createSessionHarness({
    upstreamOptions: { rejectionBurst: 10, rejectionsPerSecond: 0 },
    maxEntries: 10_000,
  })
  const users = numbered(1_000)
  for (const user of users) harness.loggedIn.add(user)
  for (const user of users) assert.equal((await harness.verify(user)).kind, 'verified')
})
