/** S2-3: the queue before Kratos is fair, and calls without a waiting request leave it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { millis, plusMillis } from '../../../src/lib/time.ts'
import { createSessionHarness, numbered } from '../../support/session_harness.ts'

/** Ends all calls, also when an assertion fails, so that no timer keeps the test alive. */
async function endCalls({ kratos }: ReturnType<typeof createSessionHarness>): Promise<void> {
  for (let i = 0; i < 20; i++) {
    kratos.releaseCalls()
    await new Promise(setImmediate)
  }
}

const LIMITS = { maxConcurrentRequests: 4, maxPendingRequests: 10 }

test('S2-3 (G6): a flood from one network neither fills nor delays the queue of another', async t => {
  const harness = createSessionHarness({ upstreamOptions: LIMITS })
  t.after(() => endCalls(harness))
  harness.state.health = 'slow'
  harness.loggedIn.add('anna')
  const flood = numbered(50, 'invented').map(cookie => harness.verify(cookie, { address: '203.0.113.7' }))
  const anna = harness.verify('anna', { address: '198.51.100.1' })
  assert.equal(harness.calls.length, 3)
  for (let i = 0; i < 2; i++) {
    for (const release of harness.kratos.heldCalls.splice(0)) release()
    await new Promise(setImmediate)
  }
  assert.ok(harness.calls.includes('anna'), harness.calls.join())
  await endCalls(harness)
  assert.equal((await anna).kind, 'verified')
  await Promise.all(flood)
})

test('S2-3 (G6): a queued call to Kratos is not made when all requests that wait for it are gone', async t => {
  const harness = createSessionHarness({ upstreamOptions: LIMITS })
  t.after(() => endCalls(harness))
  harness.state.health = 'slow'
  void numbered(3).map(user => harness.verify(user))
  const soon = plusMillis(harness.clock.now(), millis(100))
  void harness.verify('gone', { deadline: soon })
  void harness.verify('joined', { deadline: soon })
  void harness.verify('joined')
  harness.clock.advance(100)
  harness.kratos.releaseCalls()
  await new Promise(setImmediate)
  assert.deepEqual(harness.calls, [...numbered(3), 'joined'])
  assert.deepEqual(
    harness.events.filter(event => event.kind === 'shed').map(event => event.reason),
    ['overflow'],
  )
})
