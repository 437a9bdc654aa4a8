import assert from 'node:assert/strict'
import test from 'node:test'
import type { Decision } from '../../src/access/decision.ts'
import type { RequestView } from '../../src/access/request.ts'
import type { CompiledRule } from '../../src/access/rule.ts'
import { identity } from '../../src/access/session.ts'
import type { Snapshot } from '../../src/access/snapshot.ts'
import { createCheckHandler } from '../../src/envoy/check.ts'
import type { Instant } from '../../src/lib/time.ts'
import { decodeResponse, encodeRequest } from './reference_codec.ts'

const now = () => performance.now() as Instant

function createFixture(
  options: {
    run?: CompiledRule['authenticators'][number]['run']
    loaded?: boolean
    record?: () => void
  } = {},
) {
  const rule = {
    id: 'r',
    authenticators: [{ id: 'a', run: options.run ?? (() => identity('u')) }],
    steps: [],
    responders: [],
  } as unknown as CompiledRule
  const snapshot: Snapshot = {
    revision: '1',
    rules: [rule],
    settableHeaders: new Set(),
    fallbackResponders: [],
    find: () => ({ kind: 'found', rule, captures: [] }),
  }
  const recorded: Decision[] = []
  const errors: unknown[] = []
  const handler = createCheckHandler({
    snapshot: () => (options.loaded === false ? undefined : snapshot),
    onDecision: [
      decision => {
        recorded.push(decision)
        options.record?.()
      },
    ],
    onError: (_where, error) => errors.push(error),
    overload: { overloaded: false, inProgress: 0 },
    now,
    paths: 'strict',
    withSpan: undefined,
    showSubject: subject => subject,
  })
  const check = async (metadata: Record<string, string> = {}, budget?: number, arrived = now()) => {
    const deadline = budget === undefined ? undefined : ((arrived + budget) as Instant)
    const answer = handler({
      request: encodeRequest({}),
      metadata: { get: name => metadata[name] },
      deadline,
      arrived,
    })
    return { response: decodeResponse(await answer), waited: answer instanceof Promise }
  }
  return { check, recorded, errors }
}

test('a Check without asynchronous handlers is answered synchronously', async () => {
  const { check, recorded } = createFixture()
  const { response, waited } = await check()
  assert.equal(response.http_response, 'ok_response')
  assert.equal(waited, false)
  assert.equal(recorded.length, 1)
})

test('before the rules are loaded every Check is 503', async () => {
  const { check, recorded } = createFixture({ loaded: false })
  const { response } = await check()
  assert.equal(response.denied_response?.status?.code, 503)
  assert.equal(recorded[0]?.metadata.code, 'rules_not_loaded')
  const retry = response.denied_response?.headers?.find(one => one.header?.key === 'retry-after')
  assert.equal(retry?.header?.value, '1')
})

const never = () => new Promise<never>(() => {})

test('a decision that takes too long is 503 before grpc-timeout ends (F1, F12)', {
  timeout: 20_000,
}, async () => {
  const { check, recorded } = createFixture({ run: never })
  const { response } = await check({}, 60)
  assert.equal(response.denied_response?.status?.code, 503)
  assert.deepEqual([recorded[0]?.metadata.code, recorded[0]?.metadata.rule], ['deadline', 'r'])
})

test('Envoy’s timeout of one try counts where it is shorter than grpc-timeout', {
  timeout: 20_000,
}, async () => {
  const { response } = await createFixture({ run: never }).check(
    { 'x-envoy-expected-rq-timeout-ms': '60' },
    60_000,
  )
  assert.equal(response.denied_response?.status?.code, 503)
})

for (const [what, metadata, budget, ms] of [
  ['Envoy’s default', { 'x-envoy-expected-rq-timeout-ms': '200' }, 200, 185],
  ['a try that is shorter than the whole call', { 'x-envoy-expected-rq-timeout-ms': '100' }, 1_000, 85],
  ['a call that is shorter than a try', { 'x-envoy-expected-rq-timeout-ms': '1000' }, 100, 85],
  ['grpc-timeout alone', {}, 200, 185],
  ['no limit', {}, undefined, 14_985],
  ['an infinite limit', { 'x-envoy-expected-rq-timeout-ms': 'Infinity' }, undefined, 14_985],
  ['a limit that is not a number', { 'x-envoy-expected-rq-timeout-ms': 'soon' }, undefined, 14_985],
  ['a limit that is too short for a response', { 'x-envoy-expected-rq-timeout-ms': '5' }, 200, 0],
] as const) {
  test(`${what}: a rule must decide within ${ms} ms`, async () => {
    const arrived = 1_000 as Instant
    let left = Number.NaN
    const run = ({ deadline }: RequestView) => {
      left = deadline - arrived
      return identity('u')
    }
    await createFixture({ run }).check(metadata, budget, arrived)
    assert.equal(left, ms)
  })
}

test('when a listener throws, the response is a 500 denial and the error is reported', async () => {
  const { check, errors } = createFixture({
    record: () => {
      throw new Error('disk')
    },
  })
  const { response } = await check()
  assert.equal(response.denied_response?.status?.code, 500)
  assert.equal(errors.length, 1)
})

test('no Check takes longer than a drain, however long Envoy would wait (Istio: 600 s)', {
  timeout: 20_000,
}, async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { check } = createFixture({ run: never })
  const pending = check({ 'x-envoy-expected-rq-timeout-ms': '600000' }, 600_000)
  t.mock.timers.tick(15_000)
  assert.equal((await pending).response.denied_response?.status?.code, 503)
})

test('a reload during a request does not change the rules that decide it (F9)', async () => {
  const ruleOf = (id: string, run: CompiledRule['authenticators'][number]['run']) =>
    ({ id, authenticators: [{ id: 'a', run }], steps: [], responders: [] }) as unknown as CompiledRule
  const snapshotOf = (rule: CompiledRule, writes: readonly string[]): Snapshot => ({
    revision: rule.id,
    rules: [rule],
    settableHeaders: new Set(writes),
    fallbackResponders: [],
    find: () => ({ kind: 'found', rule, captures: [] }),
  })
  let authenticate = () => {}
  const slow = () =>
    new Promise<ReturnType<typeof identity>>(resolve => {
      authenticate = () => resolve(identity('u'))
    })
  let current = snapshotOf(ruleOf('old', slow), ['x-old'])
  const rules: string[] = []
  const handler = createCheckHandler({
    snapshot: () => current,
    onDecision: [decision => rules.push(decision.metadata.rule)],
    onError: () => {},
    overload: { overloaded: false, inProgress: 0 },
    now,
    paths: 'strict',
    withSpan: undefined,
    showSubject: subject => subject,
  })
  const call = {
    request: encodeRequest({}),
    metadata: { get: () => undefined },
    deadline: undefined,
    arrived: now(),
  }
  const first = handler(call)
  current = snapshotOf(
    ruleOf('new', () => identity('u')),
    ['x-new'],
  )
  const second = decodeResponse(await handler(call))
  authenticate()
  assert.deepEqual(decodeResponse(await first).ok_response?.headers_to_remove, ['x-old'])
  assert.deepEqual(second.ok_response?.headers_to_remove, ['x-new'])
  assert.deepEqual(rules, ['new', 'old'])
})
