import assert from 'node:assert/strict'
import test from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { createSessionHarness, KRATOS, numbered, verdictLabel } from '../../support/session_harness.ts'

const PAST_TTL_MS = 61_000

test('a Kratos that does not answer opens the circuit, and half open it gets one call', async () => {
  const harness = createSessionHarness({ upstreamOptions: { minRequests: 5, openDuration: millis(2_000) } })
  await harness.logIn('anna')
  harness.state.health = 'down'
  for (const user of numbered(20)) assert.equal((await harness.verify(user)).kind, 'unavailable')
  const verdict = await harness.verify('late')
  assert.ok(verdict.kind === 'unavailable' && verdict.retryAfterSeconds === 2)
  assert.equal(harness.calls.length, 4)
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified hit')
  harness.clock.advance(2_000)
  await Promise.all(numbered(20).map(user => harness.verify(user)))
  assert.equal(harness.calls.length, 5)
  harness.state.health = 'healthy'
  harness.clock.advance(2_000)
  harness.loggedIn.add('user1')
  assert.equal(verdictLabel(await harness.verify('user1')), 'verified miss')
  assert.deepEqual(
    harness.events.filter(one => one.kind === 'circuit_breaker').map(one => one.state),
    ['open', 'half_open', 'open', 'half_open', 'closed'],
  )
})

test('each Kratos has its own circuit breaker', async () => {
  const harness = createSessionHarness({ upstreamOptions: { minRequests: 2 } })
  harness.state.health = 'down'
  for (const user of numbered(3)) await harness.verify(user)
  harness.state.health = 'healthy'
  harness.loggedIn.add('anna')
  const other = { ...KRATOS, whoamiUrl: 'http://other:4433/sessions/whoami' }
  assert.equal((await harness.verify('anna')).kind, 'unavailable')
  assert.equal((await harness.verify('anna', { endpoint: other })).kind, 'verified')
  assert.equal(harness.sessions.status.circuitBreaker, 'open')
})

test('a hanging Kratos: recently verified sessions have reserved slots, cache hits do not wait, the queue is bounded (G6, G7)', async () => {
  const harness = createSessionHarness({
    upstreamOptions: { maxConcurrentRequests: 8, maxPendingRequests: 10 },
  })
  await harness.logIn('anna', 'bert')
  harness.clock.advance(PAST_TTL_MS)
  await harness.verify('bert')
  harness.calls.length = 0
  harness.state.health = 'slow'
  const waiting = numbered(16).map(user => harness.verify(user))
  assert.equal(harness.calls.length, 6, 'two places are reserved')
  const late = await harness.verify('late')
  assert.equal(late.kind, 'unavailable')
  assert.equal(verdictLabel(await harness.verify('bert')), 'verified hit')
  const anna = harness.verify('anna')
  assert.equal(harness.calls.length, 7)
  assert.deepEqual([harness.sessions.status.inFlight, harness.sessions.status.pending], [7, 10])
  harness.kratos.releaseCalls()
  assert.equal((await anna).kind, 'verified')
  assert.deepEqual(new Set((await Promise.all(waiting)).map(one => one.kind)), new Set(['rejected']))
  assert.deepEqual([harness.sessions.status.inFlight, harness.sessions.status.pending], [0, 0])
})

test('a queued call is not made if the circuit opened meanwhile', async () => {
  const harness = createSessionHarness({
    upstreamOptions: { maxConcurrentRequests: 2, maxPendingRequests: 100, minRequests: 1 },
  })
  harness.state.health = 'slow'
  const waiting = numbered(20).map(user => harness.verify(user))
  harness.kratos.releaseCalls('down')
  assert.deepEqual(new Set((await Promise.all(waiting)).map(one => one.kind)), new Set(['unavailable']))
  assert.ok(harness.calls.length <= 2, `${harness.calls.length} calls`)
})

test('the maximum staleness covers one to two minutes', async () => {
  const harness = createSessionHarness({ staleIfError: 600_000 })
  await harness.logIn('anna')
  assert.equal(harness.sessions.status.maxStaleness, 0)
  harness.clock.advance(40_000)
  await harness.verify('anna')
  assert.equal(harness.sessions.status.maxStaleness, 40_000)
  harness.state.health = 'down'
  harness.clock.advance(50_000)
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified stale')
  assert.equal(harness.sessions.status.maxStaleness, 90_000)
  harness.clock.advance(119_999)
  assert.equal(harness.sessions.status.maxStaleness, 90_000)
  harness.clock.advance(60_000)
  assert.equal(harness.sessions.status.maxStaleness, 0)
})

test('retries after broken connections are limited to a burst and a tenth of the calls', async () => {
  const harness = createSessionHarness({ upstreamOptions: { minRequests: 1_000_000 } })
  const allowed: boolean[] = []
  harness.state.onCall = question => allowed.push(question.mayRetry?.() ?? true)
  for (const user of numbered(110)) await harness.verify(user)
  const count = (from: number, to: number) => allowed.slice(from, to).filter(Boolean).length
  assert.equal(count(0, 10), 10)
  assert.ok(Math.abs(count(10, 110) - 10) <= 2, `${count(10, 110)} of 100`)
})
