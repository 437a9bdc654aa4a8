import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { createSessionHarness, KRATOS, numbered, verdictLabel } from '../../support/session_world.ts'

const PAST_TTL_MS = 61_000

test('a Kratos that does not answer is left alone for a while, and tried by one request', async () => {
  const world = createSessionHarness({ upstreamOptions: { minRequests: 5, openDuration: millis(2_000) } })
  await world.logIn('anna')
  world.state.health = 'down'
  for (const user of numbered(20)) assert.equal((await world.verify(user)).kind, 'unavailable')
  const verdict = await world.verify('late')
  assert.ok(verdict.kind === 'unavailable' && verdict.retryAfterSeconds === 2)
  assert.equal(world.asked.length, 4)
  assert.equal(verdictLabel(await world.verify('anna')), 'verified hit')
  world.clock.advance(2_000)
  await Promise.all(numbered(20).map(user => world.verify(user)))
  assert.equal(world.asked.length, 5)
  world.state.health = 'well'
  world.clock.advance(2_000)
  world.loggedIn.add('user1')
  assert.equal(verdictLabel(await world.verify('user1')), 'verified miss')
  assert.deepEqual(
    world.news.filter(one => one.kind === 'breaker').map(one => one.state),
    ['open', 'half open', 'open', 'half open', 'closed'],
  )
})

test('one Kratos that is down does not touch another', async () => {
  const world = createSessionHarness({ upstreamOptions: { minRequests: 2 } })
  world.state.health = 'down'
  for (const user of numbered(3)) await world.verify(user)
  world.state.health = 'well'
  world.loggedIn.add('anna')
  const other = { ...KRATOS, whoamiUrl: 'http://other:4433/sessions/whoami' }
  assert.equal((await world.verify('anna')).kind, 'unavailable')
  assert.equal((await world.verify('anna', { endpoint: other })).kind, 'verified')
  assert.equal(world.sessions.status.breaker, 'open')
})

test('a hanging Kratos: known sessions are asked about in places of their own, hits do not wait, the line is bounded', async () => {
  const world = createSessionHarness({
    upstreamOptions: { maxConcurrentRequests: 8, maxPendingRequests: 10 },
  })
  await world.logIn('anna', 'bert')
  world.clock.advance(PAST_TTL_MS)
  await world.verify('bert')
  world.asked.length = 0
  world.state.health = 'slow'
  const waiting = numbered(16).map(user => world.verify(user))
  assert.equal(world.asked.length, 6, 'two places are reserved')
  const late = await world.verify('late')
  assert.equal(late.kind, 'unavailable')
  assert.equal(verdictLabel(await world.verify('bert')), 'verified hit')
  const anna = world.verify('anna')
  assert.equal(world.asked.length, 7)
  assert.deepEqual([world.sessions.status.inFlight, world.sessions.status.pending], [7, 10])
  world.kratos.letGo()
  assert.equal((await anna).kind, 'verified')
  assert.deepEqual(new Set((await Promise.all(waiting)).map(one => one.kind)), new Set(['rejected']))
  assert.deepEqual([world.sessions.status.inFlight, world.sessions.status.pending], [0, 0])
})

test('who waited for a place does not ask a Kratos that has failed meanwhile', async () => {
  const world = createSessionHarness({
    upstreamOptions: { maxConcurrentRequests: 2, maxPendingRequests: 100, minRequests: 1 },
  })
  world.state.health = 'slow'
  const waiting = numbered(20).map(user => world.verify(user))
  world.kratos.letGo('down')
  assert.deepEqual(new Set((await Promise.all(waiting)).map(one => one.kind)), new Set(['unavailable']))
  assert.ok(world.asked.length <= 2, `${world.asked.length} calls`)
})

test('the oldest answer that let somebody in is known for a minute or two', async () => {
  const world = createSessionHarness({ staleIfError: 600_000 })
  await world.logIn('anna')
  assert.equal(world.sessions.status.worstStaleness, 0)
  world.clock.advance(40_000)
  await world.verify('anna')
  assert.equal(world.sessions.status.worstStaleness, 40_000)
  world.state.health = 'down'
  world.clock.advance(50_000)
  assert.equal(verdictLabel(await world.verify('anna')), 'verified stale')
  assert.equal(world.sessions.status.worstStaleness, 90_000)
  world.clock.advance(119_999)
  assert.equal(world.sessions.status.worstStaleness, 90_000)
  world.clock.advance(60_000)
  assert.equal(world.sessions.status.worstStaleness, 0)
})

test('second tries after broken connections are a tenth of the calls, beyond a few at once', async () => {
  const world = createSessionHarness({ upstreamOptions: { minRequests: 1_000_000 } })
  const allowed: boolean[] = []
  world.state.seen = question => allowed.push(question.mayRetry?.() ?? true)
  for (const user of numbered(110)) await world.verify(user)
  const count = (from: number, to: number) => allowed.slice(from, to).filter(Boolean).length
  assert.equal(count(0, 10), 10)
  assert.ok(Math.abs(count(10, 110) - 10) <= 2, `${count(10, 110)} of 100`)
})
