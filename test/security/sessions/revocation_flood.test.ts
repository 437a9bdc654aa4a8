import assert from 'node:assert/strict'
import test from 'node:test'
import type { Verdict } from '../../../src/access/verdict.ts'
import { SESSION_ID } from '../../support/kratos.ts'
import { createSessionHarness, numbered, sessionIdOf, verdictLabel } from '../../support/session_harness.ts'

const settled = () => new Promise(setImmediate)
const STEP_MS = 10

for (const { name, everyMs, whoamiMs, maxCalls } of [
  { name: '20 revocations of invented cookies a second', everyMs: 50, whoamiMs: 80, maxCalls: 80 },
  { name: 'the same on five replicas that share a stream', everyMs: 10, whoamiMs: 80, maxCalls: 80 },
  { name: 'a Kratos that takes a second', everyMs: 50, whoamiMs: 1_000, maxCalls: 440 },
]) {
  test(`S2-2 ${name}: every session is cached after its first lookup (C24, G8)`, async () => {
    const people = numbered(40)
    const harness = createSessionHarness({
      upstreamOptions: { maxConcurrentRequests: 10_000, maxPendingRequests: 10_000 },
    })
    for (const one of people) harness.loggedIn.add(one)
    harness.state.health = 'slow'
    const pending: Promise<Verdict>[] = []
    const answers: { readonly at: number; readonly calls: number }[] = []
    let seen = 0
    for (let now = 0; now < 4_000; now += STEP_MS) {
      if (now % everyMs === 0) harness.sessions.revoke({ kind: 'credential', value: `invented${now}` })
      // Each of them sends a request every 120 ms.
      for (const [i, one] of people.entries())
        if ((now / STEP_MS + i) % 12 === 0) pending.push(Promise.resolve(harness.verify(one)))
      await settled()
      if (harness.calls.length > seen)
        answers.push({ at: now + whoamiMs, calls: harness.calls.length - seen })
      seen = harness.calls.length
      harness.clock.advance(STEP_MS)
      const due = answers.filter(({ at }) => at <= now + STEP_MS)
      answers.splice(0, due.length)
      const count = due.reduce((sum, { calls }) => sum + calls, 0)
      harness.state.health = 'healthy'
      for (const release of harness.kratos.heldCalls.splice(0, count)) release()
      await settled()
      harness.state.health = 'slow'
    }
    assert.ok(harness.calls.length <= maxCalls, `${harness.calls.length} calls`)
    harness.kratos.releaseCalls('healthy')
    await settled()
    for (const one of people) assert.equal(verdictLabel(await harness.verify(one)), 'verified hit')
    for (const { kind } of await Promise.all(pending)) assert.equal(kind, 'verified')
  })
}

test('S2-2 background refreshes succeed while invented cookies are revoked', async () => {
  const harness = createSessionHarness({ refreshAhead: 0.2 })
  await harness.logIn('anna')
  harness.clock.advance(50_000)
  harness.state.health = 'slow'
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified hit')
  await settled()
  harness.sessions.revoke({ kind: 'credential', value: 'invented' })
  harness.kratos.releaseCalls('healthy')
  await settled()
  harness.clock.advance(15_000)
  assert.equal(verdictLabel(await harness.verify('anna')), 'verified hit')
  assert.equal(harness.calls.length, 1)
})

for (const [what, target] of [
  ['its session', { kind: 'session', id: sessionIdOf('anna') }],
  ['its credential', { kind: 'credential', value: 'anna' }],
] as const) {
  test(`S2-2 a lookup that was in flight is still not cached if ${what} was revoked, nor joined`, async () => {
    const harness = createSessionHarness()
    harness.loggedIn.add('anna')
    harness.state.health = 'slow'
    const early = harness.verify('anna')
    await settled()
    harness.loggedIn.delete('anna')
    harness.sessions.revoke(target)
    const late = harness.verify('anna')
    await settled()
    harness.kratos.releaseCalls('healthy')
    assert.equal((await early).kind, 'verified', 'it began before the revocation')
    assert.equal((await late).kind, 'rejected')
    assert.equal((await harness.verify('anna')).kind, 'rejected')
  })
}

test('S2-2 a lookup that takes longer than holdoffs are kept is not cached', async () => {
  const harness = createSessionHarness({ maxAge: 3_000_000 })
  harness.loggedIn.add('anna')
  harness.state.health = 'slow'
  const early = harness.verify('anna')
  await settled()
  harness.sessions.revoke({ kind: 'session', id: sessionIdOf('anna') })
  harness.clock.advance(70_000)
  // Drops the expired holdoff.
  harness.sessions.revoke({ kind: 'session', id: SESSION_ID })
  harness.kratos.releaseCalls('healthy')
  assert.equal((await early).kind, 'verified')
  assert.equal(harness.sessions.size, 0)
})

test('S2-2 a flood that exceeds the number of holdoffs does not let a revoked lookup be cached', async () => {
  const harness = createSessionHarness()
  harness.loggedIn.add('anna')
  harness.state.health = 'slow'
  const early = harness.verify('anna')
  await settled()
  harness.clock.advance(1)
  harness.sessions.revoke({ kind: 'session', id: sessionIdOf('anna') })
  for (let i = 0; i < 100_000; i++) harness.sessions.revoke({ kind: 'session', id: `invented ${i}` })
  harness.kratos.releaseCalls('healthy')
  assert.equal((await early).kind, 'verified')
  assert.equal(harness.sessions.size, 0)
})
