/** I5: wrong keys of the revocation route are limited, counted and logged, and lock out nobody else. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import test from 'node:test'
import { revocationsRoute } from '../../src/api/revocations.ts'
import { createRevocationRejectionReporter } from '../../src/app/events.ts'
import type { LogEvent } from '../../src/telemetry/records.ts'
import { fakeClock } from '../support/clock.ts'

const KEY = 'a key of sixteen or more'
const WRONG = 'CANARY-of-a-wrong-key'

function openRoute() {
  const clock = fakeClock()
  const counted: string[] = []
  const logged: LogEvent[] = []
  const onRejected = createRevocationRejectionReporter(
    { event: (_level: string, event: LogEvent) => logged.push(event) } as never,
    event => counted.push(event.kind === 'revocation_rejected' ? event.reason : event.kind),
    clock,
  )
  const route = revocationsRoute({ keys: [KEY], clock, revoke: async () => true, onRejected })
  async function call(headers: Readonly<Record<string, string>>, address = '10.0.0.7'): Promise<number> {
    const body = '{"everything":true}'
    const message = {
      headers: { ...headers, 'content-length': `${body.length}` },
      socket: { remoteAddress: address },
      iterator: async function* () {
        yield Buffer.from(body)
      },
    } as unknown as IncomingMessage
    const query = new URLSearchParams()
    return (await route({ method: 'POST', path: '/sessions/revocations', query, message }))?.status ?? 0
  }
  const guess = (address?: string) => call({ 'x-revocation-key': WRONG }, address)
  return { clock, counted, logged, call, guess }
}

test('I5 an address that has tried ten wrong keys is limited, and a right key is accepted', async () => {
  const { call, guess, clock } = openRoute()
  for (let i = 0; i < 10; i++) assert.equal(await guess(), 401)
  assert.equal(await guess(), 429)
  const shared = 'the hook may share the address with a client that fails'
  assert.equal(await call({ 'x-revocation-key': KEY }), 204, shared)
  clock.advance(1_000)
  assert.equal(await guess(), 401)
  assert.equal(await guess(), 429)
})

test('I5 another address is not limited', async () => {
  const { call, guess } = openRoute()
  for (let i = 0; i < 20; i++) await guess()
  assert.equal(await call({ 'x-revocation-key': KEY }, '10.0.0.8'), 204)
})

test('I5 valid calls, and calls without a key, do not count towards the limit', async () => {
  const { call, guess } = openRoute()
  for (let i = 0; i < 30; i++) {
    assert.equal(await call({}), 401)
    assert.equal(await call({ 'x-revocation-key': KEY }), 204)
  }
  assert.equal(await guess(), 401)
})

test('I5 wrong signatures are limited as wrong keys are', async () => {
  const { call, clock } = openRoute()
  const at = `${Math.floor(clock.wall() / 1000)}`
  const sign = (key: string) => ({
    'webhook-id': 'm',
    'webhook-timestamp': at,
    'webhook-signature': `v1,${createHmac('sha256', key).update(`m.${at}.{"everything":true}`).digest('base64')}`,
  })
  for (let i = 0; i < 10; i++) assert.equal(await call(sign(WRONG)), 401)
  assert.equal(await call(sign(WRONG)), 429)
  assert.equal(await call(sign(KEY)), 204)
  clock.advance(10_001)
  assert.equal(await call(sign(WRONG)), 401)
})

test('I5 each rejection is counted by its reason, and the log is bounded and has no key', async () => {
  const { call, guess, counted, logged } = openRoute()
  await call({})
  await call({ authorization: `Bearer ${WRONG}` })
  await call({ 'webhook-signature': `v1,${WRONG}` })
  for (let i = 0; i < 50; i++) await guess(`10.0.1.${i}`)
  for (let i = 0; i < 20; i++) await guess('10.0.1.1')
  const countOf = (reason: string) => counted.filter(one => one === reason).length
  assert.deepEqual(['no_key', 'wrong_key', 'invalid_signature', 'rate_limited'].map(countOf), [
    1,
    1 + 50 + 9,
    1,
    11,
  ])
  assert.equal(logged.length, 10)
  assert.deepEqual(logged[1], { event: 'revocation_rejected', reason: 'wrong_key', address: '10.0.0.7' })
  assert.doesNotMatch(JSON.stringify(logged), /CANARY/)
})
