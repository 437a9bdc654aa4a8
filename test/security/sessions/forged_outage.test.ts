/** S2-5: one user or one network cannot make Kratos look as if it were down for everybody (docs/security-cases.md, J13 and G7). */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { HttpFailure, HttpResponse } from '../../../src/clients/http/message.ts'
import { answered, liveSession } from '../../support/kratos.ts'
import {
  createSessionHarness,
  identityIdOf,
  numbered,
  sessionIdOf,
  verdictLabel,
} from '../../support/session_harness.ts'

const PAST_TTL_MS = 61_000
const ATTACKER = { address: '203.0.113.7' }

type Harness = ReturnType<typeof createSessionHarness>

/** Sessions that are verified, leave the cache, and end in Kratos without a revocation. */
async function endSessions(
  harness: Harness,
  values: readonly string[],
  identityOf: (value: string) => string,
) {
  const { state, verify, clock } = harness
  for (const value of values) {
    const identity = { id: identityOf(value), state: 'active' }
    state.overrides.set(value, liveSession([], { id: sessionIdOf(value), identity }))
    await verify(value, ATTACKER)
  }
  for (const value of values) state.overrides.delete(value)
  clock.advance(PAST_TTL_MS)
}

/** Logs in users who were never verified, and returns how many are let in between the calls of the attacker. */
async function letIn(harness: Harness, attack: () => Promise<unknown>, count = 60): Promise<number> {
  let verified = 0
  for (const user of numbered(count, 'honest')) {
    harness.loggedIn.add(user)
    await attack()
    if ((await harness.verify(user)).kind === 'verified') verified++
    harness.clock.advance(100)
  }
  return verified
}

const inTurn = (values: readonly string[], use: (value: string) => unknown) => {
  let next = 0
  return async () => use(values[next++ % values.length] as string)
}

for (const [what, identityOf] of [
  ['one user', () => identityIdOf('attacker')],
  ['many users in one network', identityIdOf],
] as const) {
  test(`S2-5: thirty ended sessions of ${what} do not keep out others (J13)`, async () => {
    const harness = createSessionHarness()
    const ended = numbered(30, 'ended')
    await endSessions(harness, ended, identityOf)
    for (const value of ended.slice(0, 10)) await harness.verify(value, ATTACKER)
    // A session is good for one unexpected rejection.
    const attack = inTurn(ended.slice(10), value => harness.verify(value, ATTACKER))
    assert.equal(await letIn(harness, attack), 60)
  })
}

const ODD_RESPONSES: Readonly<Record<string, HttpResponse | HttpFailure>> = {
  'a 400': answered(400),
  'a 403 of a firewall': answered(403, '<html>blocked</html>'),
  'a 404': answered(404),
  'a 500': answered(500),
  'a 200 without a session': answered(200, '<html>'),
  'a session that has expired by our clock': liveSession([], { expires_at: '2020-01-01T00:00:00Z' }),
  'a session that is too large': { kind: 'failed', cause: 'too_large', message: 'too large' },
}
for (const [what, response] of Object.entries(ODD_RESPONSES)) {
  test(`S2-5: credentials for which Kratos sends ${what} do not open the circuit breaker for others (G7)`, async () => {
    const harness = createSessionHarness()
    const odd = numbered(200, 'odd')
    for (const value of odd) harness.state.overrides.set(value, response)
    for (const value of odd) await harness.verify(value, ATTACKER)
    const attack = inTurn(odd, value => harness.verify(value, ATTACKER))
    assert.equal(await letIn(harness, attack), 60)
  })
}

test('S2-5: credentials that Kratos cannot answer do not prolong a real outage', async () => {
  const harness = createSessionHarness()
  const odd = numbered(200, 'odd')
  for (const value of odd) harness.state.overrides.set(value, answered(403))
  harness.state.health = 'down'
  for (const value of numbered(30)) await harness.verify(value)
  assert.equal(harness.sessions.status.circuitBreaker, 'open')
  harness.state.health = 'healthy'
  harness.loggedIn.add('honest')
  const attack = inTurn(odd, value => harness.verify(value, ATTACKER))
  let labels = ''
  for (let i = 0; i < 200 && labels !== 'verified'; i++) {
    await attack()
    labels = (await harness.verify('honest')).kind
    harness.clock.advance(100)
  }
  assert.equal(labels, 'verified')
})

test('S2-5: rejections of users in several networks are an outage, and a login ends it', async () => {
  const harness = createSessionHarness()
  const users = numbered(20)
  await harness.logIn(...users)
  harness.clock.advance(PAST_TTL_MS)
  harness.state.health = 'unhealthy'
  const kinds: string[] = []
  for (const user of users) kinds.push((await harness.verify(user)).kind)
  assert.deepEqual(kinds.slice(10), Array(10).fill('unavailable'), 'no redirect to the login')
  assert.ok(kinds.slice(0, 9).every(kind => kind === 'rejected'))
  harness.state.health = 'healthy'
  harness.loggedIn.add('new')
  harness.clock.advance(3_000)
  assert.equal(verdictLabel(await harness.verify('new')), 'verified miss')
  assert.equal(harness.sessions.status.circuitBreaker, 'closed')
})

for (const health of ['down', 'error'] as const) {
  test(`S2-5: a Kratos that is really ${health} opens the circuit breaker`, async () => {
    const harness = createSessionHarness()
    harness.state.health = health
    // Without any response one network suffices.
    const over = health === 'down' ? ATTACKER : {}
    for (const user of numbered(30)) await harness.verify(user, over)
    assert.equal(harness.sessions.status.circuitBreaker, 'open')
  })
}
