import assert from 'node:assert/strict'
import test from 'node:test'
import { guardSend } from '../../src/clients/guarded_send.ts'
import type { HttpFailure, HttpResponse, OutgoingRequest } from '../../src/clients/http/message.ts'
import { type Instant, millis, plusMillis } from '../../src/lib/time.ts'
import { fakeClock } from '../support/clock.ts'

const answered = (status: number): HttpResponse => ({ kind: 'answered', status, headers: [], body: '' })
const OK = answered(200)

interface CallOptions {
  readonly credential?: string
  readonly address?: string
  readonly deadline?: Instant
  readonly url?: string
}

/** A service whose calls wait until the test answers them. */
function setup(maxConcurrentCalls = 4) {
  const clock = fakeClock()
  const shed = new Set<string>()
  const calls: { readonly request: OutgoingRequest; answer(outcome: HttpResponse | HttpFailure): void }[] = []
  const send = guardSend({
    clock,
    random: () => 0,
    negativeCacheTtl: millis(1_000),
    onShed: (target, reason) => shed.add(`${target} ${reason}`),
    maxConcurrentCalls,
    send(request) {
      const { promise, resolve } = Promise.withResolvers<HttpResponse | HttpFailure>()
      calls.push({ request, answer: resolve })
      return promise
    },
  })
  const call = ({ credential, address = '203.0.113.1', deadline, url = 'http://id/check' }: CallOptions) =>
    send({
      method: 'GET',
      url,
      headers: [],
      timeout: millis(1000),
      target: 'test',
      ...(deadline === undefined ? {} : { deadline }),
      caller: {
        address,
        ...(credential === undefined
          ? {}
          : { credential: { key: credential, isAccepted: ({ status }: HttpResponse) => status === 200 } }),
      },
    })
  const callAndAnswer = async (options: CallOptions, outcome: HttpResponse | HttpFailure) => {
    const result = call(options)
    await new Promise(setImmediate)
    calls.pop()?.answer(outcome)
    return result
  }
  return { clock, calls, shed, call, callAndAnswer }
}

const cause = (outcome: HttpResponse | HttpFailure) =>
  outcome.kind === 'failed' ? outcome.cause : outcome.status

test('a quarter of the slots is reserved for credentials that were accepted recently', async () => {
  const { calls, call, callAndAnswer } = setup()
  await callAndAnswer({ credential: 'good' }, OK)
  for (let i = 0; i < 10; i++) void call({ credential: `invented-${i}` })
  assert.equal(calls.length, 3)
  void call({ credential: 'good' })
  assert.equal(calls.length, 4)
})

test('one credential has no more than two calls with priority', async () => {
  const { calls, call, callAndAnswer } = setup(16)
  await callAndAnswer({ credential: 'good' }, OK)
  await callAndAnswer({ credential: 'other' }, OK)
  for (let i = 0; i < 40; i++) void call({ credential: 'good' })
  assert.equal(calls.length, 14)
  void call({ credential: 'other' })
  assert.equal(calls.length, 15)
})

test('a rejected credential loses its priority', async () => {
  const { calls, call, callAndAnswer } = setup()
  await callAndAnswer({ credential: 'ended' }, OK)
  await callAndAnswer({ credential: 'ended' }, answered(401))
  for (let i = 0; i < 3; i++) void call({ credential: `invented-${i}` })
  void call({ credential: 'ended' })
  assert.equal(calls.length, 3)
})

test('a network that causes too many rejections is limited, others are not', async () => {
  const { callAndAnswer, shed } = setup()
  const flood = { address: '198.51.100.1' }
  let asked = 0
  const outcomes = new Set<unknown>()
  for (let i = 0; i < 600; i++) {
    const outcome = await callAndAnswer({ ...flood, credential: `invented-${i}` }, answered(401))
    outcomes.add(cause(outcome))
    if (outcome.kind === 'answered') asked++
  }
  assert.deepEqual([asked, [...outcomes]], [500, [401, 'busy']])
  assert.deepEqual([...shed], ['test rate_limited'])
  assert.equal(cause(await callAndAnswer({ credential: 'new' }, OK)), 200)
})

test('429 is no rejection', async () => {
  const { callAndAnswer } = setup()
  for (let i = 0; i < 600; i++)
    assert.equal(cause(await callAndAnswer({ credential: String(i) }, answered(429))), 429)
})

test('the circuit opens for one service when it fails, and closes when it recovers', async () => {
  const { clock, callAndAnswer, shed } = setup()
  const failure = { kind: 'failed', cause: 'timeout', message: 'test: timed out' } as const
  for (let i = 0; i < 20; i++) await callAndAnswer({}, i % 2 === 0 ? failure : answered(503))
  assert.equal(cause(await callAndAnswer({}, OK)), 'busy')
  assert.deepEqual([...shed], ['test circuit_open'])
  assert.equal(cause(await callAndAnswer({ url: 'http://other/check' }, OK)), 200)
  clock.advance(2_500)
  assert.equal(cause(await callAndAnswer({}, OK)), 200)
  assert.equal(cause(await callAndAnswer({}, OK)), 200)
})

test('a 500 and a passed deadline do not open the circuit, because clients can cause them', async () => {
  const { callAndAnswer } = setup()
  const late = { kind: 'failed', cause: 'deadline', message: 'test: late' } as const
  for (let i = 0; i < 60; i++) await callAndAnswer({}, i % 2 === 0 ? late : answered(500))
  assert.equal(cause(await callAndAnswer({}, OK)), 200)
})

test('a queued call that nobody waits for any more is not sent', async () => {
  const { clock, calls, shed, call } = setup(1)
  void call({})
  const gone = call({ deadline: plusMillis(clock.now(), millis(100)) })
  const wanted = call({})
  clock.advance(100)
  calls[0]?.answer(OK)
  assert.equal(cause(await gone), 'busy')
  assert.deepEqual([...shed], ['test overflow'])
  await new Promise(setImmediate)
  assert.equal(calls.length, 2)
  calls[1]?.answer(OK)
  assert.equal(cause(await wanted), 200)
})
