import assert from 'node:assert/strict'
import test, { mock, type TestContext } from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { createCacheCipher } from '../../../src/sessions/replication/cache_cipher.ts'
import { fakeClock } from '../../support/clock.ts'
import { fakeRedis } from '../../support/fake_redis.ts'
import { answered, liveSession, SECOND_FACTOR_REQUIRED, SESSION_ID } from '../../support/kratos.ts'
import { ENCRYPTION_KEY, type Replica, startReplica } from '../../support/replica_harness.ts'

/** Replicas with one Redis and one Kratos whose response the test sets. Time advances only by `advance`. */
async function createReplicas(t: TestContext, count = 2, keys: readonly (readonly string[])[] = []) {
  mock.timers.enable({ apis: ['setTimeout'] })
  const clock = fakeClock()
  const redis = fakeRedis(clock)
  const kratos = { response: liveSession([['set-cookie', 's=new']]) }
  const calls: string[] = []
  const whoami = async ({ credential }: { credential: { value: string } }) => {
    calls.push(credential.value)
    return kratos.response
  }
  const connections = Array.from({ length: count }, () => redis.connect())
  const replicas: Replica[] = []
  function start(
    bus: (typeof connections)[number],
    key: readonly string[] = [ENCRYPTION_KEY],
    maxAge = 60_000,
    refreshAhead = 0,
  ) {
    const one = startReplica({
      store: bus,
      clock,
      whoami,
      keys: key,
      timeout: millis(50),
      maxAge: millis(maxAge),
      refreshAhead,
    })
    replicas.push(one)
    return one
  }
  for (const [i, bus] of connections.entries()) start(bus, keys[i])
  const runPending = async () => {
    for (let i = 0; i < 6; i++) await new Promise(resolve => setImmediate(resolve))
  }
  async function advance(span: number): Promise<void> {
    for (let left = span; left > 0; left -= 1_000) {
      const step = Math.min(left, 1_000)
      await runPending()
      clock.advance(step)
      redis.notifyReaders()
      mock.timers.tick(step)
      await runPending()
    }
  }
  t.after(async () => {
    const closing = Promise.all(replicas.map(one => one.stream.close()))
    for (let i = 0; i < 3; i++) await advance(1_000)
    await closing
    mock.timers.reset()
  })
  await runPending()
  return {
    clock,
    redis,
    connections,
    replicas: replicas as unknown as readonly [Replica, Replica],
    kratos,
    calls,
    advance,
    runPending,
    start,
  }
}

const verdictLabel = async (verdict: ReturnType<Replica['verify']>): Promise<string> => {
  const found = await verdict
  return 'cache' in found ? `${found.kind} ${found.cache}` : found.kind
}

test('one replica refreshes a session in use; the others take its result instead of calling Kratos', async t => {
  const { redis, calls, kratos, start, advance, runPending } = await createReplicas(t, 0)
  kratos.response = liveSession()
  const [a, b, c] = [0, 1, 2].map(() => start(redis.connect(), [ENCRYPTION_KEY], 60_000, 0.2)) as [
    Replica,
    Replica,
    Replica,
  ]
  await advance(1_000)
  for (const one of [a, b, c]) await one.verify('x')
  await runPending()
  for (let minutes = 1; minutes <= 5; minutes++) {
    await advance(50_000)
    for (const one of [a, b, c]) {
      assert.equal(await verdictLabel(one.verify('x')), 'verified hit')
      await runPending()
    }
    assert.equal(calls.length, 1 + minutes)
  }
})

test('a refresh calls Kratos if the shared entry is no newer, and ends a session that Kratos rejects', async t => {
  const { redis, calls, kratos, start, advance, runPending } = await createReplicas(t, 0)
  kratos.response = liveSession()
  const one = start(redis.connect(), [ENCRYPTION_KEY], 60_000, 0.2)
  await advance(1_000)
  await one.verify('x')
  await advance(50_000)
  kratos.response = answered(401)
  assert.equal(await verdictLabel(one.verify('x')), 'verified hit')
  await runPending()
  assert.equal(calls.length, 2)
  assert.equal(await verdictLabel(one.verify('x')), 'rejected miss')
})

test('an entry has the same age and expiry on another replica', async t => {
  const { replicas, advance } = await createReplicas(t)
  const [a, b] = replicas
  assert.equal(await verdictLabel(a.verify('x')), 'verified miss')
  await advance(40_000)
  assert.equal(await verdictLabel(b.verify('x')), 'verified remote')
  await advance(19_000)
  assert.equal(await verdictLabel(b.verify('x')), 'verified hit')
  assert.deepEqual(b.lookups, ['hit'], 'a result of the shared cache is not written again')
  await advance(1_500)
  assert.equal(await verdictLabel(b.verify('x')), 'verified miss', 'a minute after the first lookup')
})

test('a rule with a maximum age skips older entries', async t => {
  const { replicas, advance, calls } = await createReplicas(t)
  const [a, b] = replicas
  await a.verify('x')
  await advance(20_000)
  assert.equal(await verdictLabel(b.verify('x', { maxAge: millis(10_000) })), 'verified miss')
  assert.equal(calls.length, 2)
})

test('a request that joined a load with a result too old for its rule calls Kratos', async t => {
  const { replicas, advance, calls } = await createReplicas(t)
  const [a, b] = replicas
  await a.verify('x')
  await advance(20_000)
  const [loose, strict] = await Promise.all([
    verdictLabel(b.verify('x')),
    verdictLabel(b.verify('x', { maxAge: millis(10_000) })),
  ])
  assert.equal(loose, 'verified remote')
  assert.notEqual(strict, 'verified remote')
  assert.equal(calls.length, 2)
})

test('each replica applies its own maximum age', async t => {
  const { replicas, advance, redis, start, runPending } = await createReplicas(t)
  await replicas[0].verify('x')
  const hasty = start(redis.connect(), [ENCRYPTION_KEY], 10_000)
  await runPending()
  await advance(9_000)
  assert.equal(await verdictLabel(hasty.verify('x')), 'verified remote')
  await advance(2_000)
  assert.equal(await verdictLabel(hasty.verify('x')), 'verified miss')
})

test('a replica that applied a revocation ignores the entry even if Redis evicted the tombstone', async t => {
  const { replicas, redis, runPending, kratos } = await createReplicas(t)
  const [a, b] = replicas
  await b.verify('x')
  await a.revoke({ kind: 'session', id: SESSION_ID })
  await runPending()
  redis.state.tombstones.clear()
  kratos.response = answered(401)
  assert.equal(await verdictLabel(a.verify('x')), 'rejected miss')
  assert.equal(await verdictLabel(b.verify('x')), 'rejected miss')
})

test('`fresh` and a rule without cache never read from Redis', async t => {
  const { replicas, calls } = await createReplicas(t)
  const [a, b] = replicas
  await a.verify('x')
  await b.verify('x', { fresh: true })
  await b.verify('x', { maxAge: millis(0) })
  assert.equal(calls.length, 3)
  assert.ok(!b.lookups.includes('hit'))
})

for (const [what, answer] of [
  ['a rejection', answered(401)],
  ['a required second factor', SECOND_FACTOR_REQUIRED],
] as const) {
  test(`${what} deletes the shared entry, and this replica does not read it again (C26)`, async t => {
    const { replicas, kratos, runPending, redis } = await createReplicas(t)
    const [a, b] = replicas
    await a.verify('x')
    await b.verify('x')
    kratos.response = answer
    const first = await b.verify('x', { fresh: true })
    assert.notEqual(first.kind, 'verified')
    await runPending()
    assert.notEqual((await b.verify('x')).kind, 'verified')
    assert.equal(redis.state.entries.size, 0)
  })
}

test('rejections, second factors and failures are not shared', async t => {
  const { replicas, redis, kratos } = await createReplicas(t)
  for (const answer of [answered(401), SECOND_FACTOR_REQUIRED, answered(500), answered(200, '<html>')]) {
    kratos.response = answer
    await replicas[0].verify('x')
  }
  assert.equal(redis.state.entries.size, 0)
})

test('an entry is checked like a response of Kratos: an expired session is ignored', async t => {
  const { replicas, advance, kratos, redis } = await createReplicas(t)
  const [a, b] = replicas
  kratos.response = liveSession([], { expires_at: '2026-11-22T05:00:30Z' })
  await a.verify('x')
  const [[name, entry]] = [...redis.state.entries] as [[string, { text: string; until: never }]]
  redis.state.entries.set(name, { ...entry, until: Number.POSITIVE_INFINITY as never })
  await advance(31_000)
  kratos.response = answered(401)
  assert.equal(await verdictLabel(b.verify('x')), 'rejected miss')
  assert.deepEqual(b.lookups, ['invalidated'])
})

test('a restored entry keeps its age', async t => {
  const { replicas, advance, redis } = await createReplicas(t)
  const [a, b] = replicas
  await a.verify('x')
  const [[name, entry]] = [...redis.state.entries] as [[string, { text: string; until: never }]]
  await advance(61_000)
  redis.state.entries.set(name, { ...entry, until: Number.POSITIVE_INFINITY as never })
  assert.equal(await verdictLabel(b.verify('x')), 'verified miss')
  assert.deepEqual(b.lookups, ['invalidated', 'written'])
})

test('foreign, changed or moved entries are a miss and counted (C21)', async t => {
  const { replicas, redis, calls } = await createReplicas(t)
  const [a, b] = replicas
  await a.verify('x')
  await a.verify('y')
  const [first, second] = [...redis.state.entries]
  assert.ok(first && second)
  const [[x, ofX], [y, ofY]] = [first, second]
  const until = Number.POSITIVE_INFINITY as never
  redis.state.entries.set(x, { text: ofY.text, until })
  redis.state.entries.set(y, { text: `${ofX.text.slice(0, -2)}AA`, until })
  await b.verify('x')
  await b.verify('y')
  redis.state.entries.set(x, { text: '{"session":{}}', until })
  assert.deepEqual(b.lookups, ['undecryptable', 'written', 'undecryptable', 'written'])
  assert.equal(calls.length, 4)
})

test('replicas without a common key share nothing, but clear their caches on a revocation', async t => {
  const { replicas, runPending, calls } = await createReplicas(t, 2, [
    [ENCRYPTION_KEY],
    ['another key of thirty-two or more characters'],
  ])
  const [a, b] = replicas
  await a.verify('x')
  await b.verify('x')
  assert.equal(calls.length, 2)
  await a.revoke({ kind: 'session', id: SESSION_ID })
  await runPending()
  assert.ok(b.events.includes('undecryptable'))
  await b.verify('x')
  assert.equal(calls.length, 3, 'it cannot know what was revoked')
})

for (const [what, first, second] of [
  [
    'before the new key is primary',
    ['k1 of thirty-two characters or more'],
    ['k1 of thirty-two characters or more', 'k2 of thirty-two characters or more'],
  ],
  [
    'after the new key is primary',
    ['k1 of thirty-two characters or more', 'k2 of thirty-two characters or more'],
    ['k2 of thirty-two characters or more', 'k1 of thirty-two characters or more'],
  ],
] as const) {
  test(`during a key rotation (${what}) a revocation arrives by stream and by tombstone`, async t => {
    const { replicas, runPending, redis } = await createReplicas(t, 2, [first, second])
    for (const [teller, other] of [replicas, replicas.toReversed()] as [Replica, Replica][]) {
      await other.verify('x')
      await teller.revoke({ kind: 'credential', value: 'x' })
      await runPending()
      assert.ok(!other.events.includes('undecryptable'))
      const [own] = createCacheCipher(other === replicas[0] ? first : second).keyedHashes(['credential', 'x'])
      assert.ok(redis.state.tombstones.has(own))
    }
  })
}

test('a hanging Redis delays a request by its timeout only, and reads pause after repeated failures', async t => {
  const { replicas, advance, connections, calls } = await createReplicas(t)
  const [a] = replicas
  const [connection] = connections
  assert.ok(connection)
  connection.getEntry = () => new Promise(() => {})
  for (const [i, value] of ['1', '2', '3'].entries()) {
    const verdict = a.verify(value)
    await advance(50)
    assert.equal(await verdictLabel(verdict), 'verified miss', String(i))
  }
  assert.deepEqual(
    a.lookups.filter(look => look !== 'written'),
    ['error', 'error', 'error'],
  )
  await a.verify('4')
  assert.equal(a.lookups.at(-1), 'skipped')
  await advance(1_000)
  const trying = a.verify('5')
  const meanwhile = await a.verify('6')
  assert.ok(meanwhile.kind === 'verified', 'other requests do not wait for the retry')
  await advance(50)
  await trying
  assert.equal(calls.length, 6)
})

test('a wrong clock makes no entry younger', async t => {
  const { replicas, advance, clock, kratos } = await createReplicas(t)
  const [a, b] = replicas
  kratos.response = liveSession([], { expires_at: '2027-01-01T00:00:00Z' })
  await a.verify('x')
  await advance(59_000)
  clock.jumpWallClock(-40_000)
  const verdict = await b.verify('x')
  assert.ok(verdict.kind === 'verified' && verdict.cache === 'remote', 'valid by the clock of Redis')
  await advance(1_500)
  assert.equal(await verdictLabel(b.verify('x')), 'verified miss', 'and aged by it')
})

test('a session revoked before its lookup is cached and shared after the holdoff', async t => {
  const { replicas, advance, calls } = await createReplicas(t)
  const [a, b] = replicas
  await a.revoke({ kind: 'session', id: SESSION_ID })
  await a.verify('x')
  await a.verify('x')
  await b.verify('x')
  assert.equal(calls.length, 3, 'held off on both')
  await advance(6_000)
  await a.verify('x')
  assert.equal(await verdictLabel(b.verify('x')), 'verified remote')
})
