/** S2-16: who comes with an expired cookie and logs in is let in while another network floods. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createSessionHarness, numbered } from '../../support/session_harness.ts'

test('S2-16 (G8, G9): a login after an expired cookie succeeds while another network floods', async () => {
  const harness = createSessionHarness({ maxEntries: 10_000 })
  const users = numbered(50)
  const outcomes = new Map<string, number>()
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  let invented = 0
  const flood = () =>
    Promise.all(
      Array.from({ length: 250 }, () => harness.verify(`invented${invented++}`, { address: '203.0.113.7' })),
    )
  // Without any time between them, so that the limit does not refill for the users.
  for (let i = 0; i < 8; i++) await flood()
  for (const [i, user] of users.entries()) {
    const address = `198.51.${i}.1`
    count(`before: ${(await harness.verify(`expired-${user}`, { address })).kind}`)
    harness.loggedIn.add(user)
    harness.clock.advance(100)
    await flood()
    count(`after: ${(await harness.verify(user, { address })).kind}`)
  }
  assert.deepEqual(Object.fromEntries(outcomes), { 'before: rejected': 50, 'after: verified': 50 })
  // The flood itself is limited: half of the burst, what refills, and a share of the rest.
  assert.ok(harness.calls.length < 500 + 50 * 10 + 250 + 100, `${harness.calls.length} calls`)
})
