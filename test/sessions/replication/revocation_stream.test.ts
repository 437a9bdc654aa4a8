import assert from 'node:assert/strict'
import test, { mock } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import type { Verdict } from '../../../src/access/verdict.ts'
import type { RedisStore } from '../../../src/sessions/replication/redis_store.ts'
import type { RevocationTarget } from '../../../src/sessions/types.ts'
import { fakeClock } from '../../support/clock.ts'
import { fakeRedis } from '../../support/fake_redis.ts'
import { answered, IDENTITY_ID, liveSession, SESSION_ID } from '../../support/kratos.ts'
import { type Replica, startReplica } from '../../support/replica_harness.ts'

/** Two replicas with one Redis and one Kratos. Time advances only by `advance`. */
function createReplicas() {
  const clock = fakeClock()
  const redis = fakeRedis(clock)
  let ended = false
  let calls = 0
  const whoami = async () => {
    calls++
    return ended ? answered(401) : liveSession()
  }
  const connections = [redis.connect(), redis.connect()] as const
  const started: Replica[] = []
  function start(bus: RedisStore): Replica {
    const one = startReplica({ store: bus, clock, whoami })
    started.push(one)
    return one
  }
  const replicas = connections.map(start) as [Replica, Replica]
  const runPending = () => new Promise(resolve => setImmediate(resolve))
  /** Runs everything that needs no time, then advances the clocks. */
  async function advance(span = 1_000): Promise<void> {
    for (let i = 0; i < 4; i++) await runPending()
    clock.advance(span)
    redis.notifyReaders()
    mock.timers.tick(span)
    for (let i = 0; i < 4; i++) await runPending()
  }
  return {
    clock,
    redis,
    connections,
    replicas,
    advance,
    runPending,
    start,
    end: () => {
      ended = true
    },
    get calls() {
      return calls
    },
    get ended() {
      return ended
    },
    async reconnectAndSync() {
      for (const connection of connections) connection.down = false
      for (let i = 0; i < 6; i++) await advance()
    },
    async close() {
      const closing = Promise.all(started.map(one => one.stream.close()))
      for (let i = 0; i < 3; i++) await advance()
      await closing
    },
  }
}

async function withReplicas(run: (w: ReturnType<typeof createReplicas>) => Promise<void>): Promise<void> {
  mock.timers.enable({ apis: ['setTimeout'] })
  const w = createReplicas()
  try {
    await w.reconnectAndSync()
    await run(w)
  } finally {
    await w.close()
    mock.timers.reset()
  }
}

const OTHER = '11111111-1111-4111-8111-111111111111'

type Move =
  | 'look up on a'
  | 'look up on b'
  | 'end and revoke on a'
  | 'disconnect a'
  | 'disconnect b'
  | 'reconnect'
  | 'dump'
  | 'restore'
  | 'flush'
  | 'trim'
  | 'revoke another'
  | 'advance'
  | 'yield'

test('no order of lookups, revocations, disconnections and data losses reinstates a session', async () => {
  const moves = fc.array(
    fc.constantFrom<Move>(
      ...([
        'look up on a',
        'look up on b',
        'end and revoke on a',
        'disconnect a',
        'disconnect b',
        'reconnect',
        'dump',
      ] as const),
      ...(['restore', 'flush', 'trim', 'revoke another', 'advance', 'yield'] as const),
    ),
    { maxLength: 25 },
  )
  const targets = fc.constantFrom<RevocationTarget>(
    { kind: 'session', id: SESSION_ID },
    { kind: 'identity', id: IDENTITY_ID },
    { kind: 'credential', value: 'x' },
    { kind: 'everything' },
  )
  await fc.assert(
    fc.asyncProperty(moves, targets, (order, revoked) =>
      withReplicas(async w => {
        const [a, b] = w.replicas
        let copy = w.redis.snapshot()
        const waiting: Promise<unknown>[] = []
        const ask = (one: Replica): void => {
          const out = w.ended && one === a
          waiting.push(
            one.verify('x').then((verdict: Verdict) => {
              assert.notEqual(verdict.kind, 'unavailable', 'a request failed')
              assert.ok(!(out && verdict.kind === 'verified'), 'the replica that revoked it accepted it')
            }),
          )
        }
        for (const move of order) {
          if (move === 'look up on a') ask(a)
          else if (move === 'look up on b') ask(b)
          else if (move === 'end and revoke on a') {
            w.end()
            waiting.push(a.revoke(revoked))
          } else if (move === 'disconnect a') w.connections[0].down = true
          else if (move === 'disconnect b') w.connections[1].down = true
          else if (move === 'reconnect') for (const connection of w.connections) connection.down = false
          else if (move === 'dump') copy = w.redis.snapshot()
          else if (move === 'restore') w.redis.state = copy
          else if (move === 'flush') w.redis.flush()
          else if (move === 'trim') w.redis.trim()
          else if (move === 'revoke another') waiting.push(b.revoke({ kind: 'session', id: OTHER }))
          else if (move === 'yield') await w.runPending()
          else await w.advance()
        }
        await w.reconnectAndSync()
        await Promise.all(waiting)
        if (!w.ended) return
        assert.equal(
          (await b.verify('x')).kind,
          'rejected',
          'all are connected, and another replica accepted it',
        )
        assert.equal((await a.verify('x')).kind, 'rejected')
      }),
    ),
    { numRuns: 200 },
  )
})

test('a replica that joins clears sessions cached before', async () => {
  await withReplicas(async w => {
    const [a] = w.replicas
    const late = w.redis.connect()
    late.down = true
    const c = w.start(late)
    assert.equal((await c.verify('x')).kind, 'verified')
    w.end()
    await a.revoke({ kind: 'session', id: SESSION_ID })
    // Long enough that a joining replica does not apply it again.
    for (let i = 0; i < 12; i++) await w.advance()
    late.down = false
    await w.advance()
    await w.advance()
    assert.equal((await c.verify('x')).kind, 'rejected')
  })
})

test('a loss of data in Redis is detected without traffic, and all replicas clear their caches', async () => {
  await withReplicas(async w => {
    const [a, b] = w.replicas
    await a.revoke({ kind: 'session', id: OTHER })
    await b.verify('x')
    await w.reconnectAndSync()
    w.redis.flush()
    await w.reconnectAndSync()
    assert.ok(a.events.includes('data_loss') && b.events.includes('data_loss'))
    const before = w.calls
    await b.verify('x')
    assert.equal(w.calls, before + 1)
    assert.ok(a.stream.inSync && b.stream.inSync)
    assert.equal(w.redis.state.stream.length, 1, 'one of them published it for replicas that start later')
  })
})

test('more than ten thousand queued revocations become one of everything', async () => {
  await withReplicas(async w => {
    const [a, b] = w.replicas
    await b.verify('x')
    for (const connection of w.connections.slice(0, 1)) connection.down = true
    await w.advance()
    for (let i = 0; i < 10_001; i++) void a.revoke({ kind: 'session', id: `session ${i}` })
    assert.equal(a.stream.pending, 1)
    await w.reconnectAndSync()
    assert.equal(a.stream.pending, 0)
    const before = w.calls
    await b.verify('x')
    assert.equal(w.calls, before + 1)
  })
})

test('a storm of revocations through one replica does not keep it from those of others', async () => {
  await withReplicas(async w => {
    const [a, b] = w.replicas
    const [connection] = w.connections
    const { publish } = connection
    let stormy = true
    let published = 0
    connection.publish = async message => {
      await w.runPending()
      // The queue of this replica is never empty.
      if (stormy) void a.revoke({ kind: 'session', id: `session ${published++}` })
      return publish(message)
    }
    await a.verify('x')
    void a.revoke({ kind: 'session', id: OTHER })
    for (let i = 0; i < 10; i++) await w.runPending()
    w.end()
    await b.revoke({ kind: 'session', id: SESSION_ID })
    for (let i = 0; i < 5; i++) await w.advance()
    assert.ok(stormy && a.stream.pending > 0 && published > 10)
    assert.ok(a.events.includes('received'))
    assert.equal((await a.verify('x')).kind, 'rejected')
    stormy = false
    await w.reconnectAndSync()
    assert.equal(a.stream.pending, 0)
  })
})

test('revocations do not wait for each other: one round trip publishes many', async () => {
  await withReplicas(async w => {
    const [a] = w.replicas
    const [connection] = w.connections
    const { publish } = connection
    let inFlight = 0
    let most = 0
    connection.publish = async message => {
      most = Math.max(most, ++inFlight)
      await w.runPending()
      inFlight--
      return publish(message)
    }
    const sent = Array.from({ length: 1_000 }, (_, i) => a.revoke({ kind: 'session', id: `session ${i}` }))
    for (let turns = 0; a.stream.pending > 0; turns++) {
      assert.ok(turns < 100, `${a.stream.pending} are pending after ${turns} turns`)
      await w.runPending()
    }
    assert.deepEqual(new Set(await Promise.all(sent)), new Set([true]))
    assert.equal(w.redis.state.stream.length, 1_000)
    assert.ok(most <= 256, 'a bounded number is in flight')
  })
})

test('of revocations in flight only those that failed are published again', async () => {
  await withReplicas(async w => {
    const [a] = w.replicas
    const [connection] = w.connections
    const { publish } = connection
    let calls = 0
    connection.publish = async message => {
      if (calls++ % 2 === 1 && calls < 20) throw new Error('TRYAGAIN')
      return publish(message)
    }
    for (let i = 0; i < 20; i++) void a.revoke({ kind: 'session', id: `session ${i}` })
    await w.reconnectAndSync()
    assert.equal(a.stream.pending, 0)
    assert.equal(w.redis.state.stream.length, 20)
    assert.ok(calls > 20)
  })
})

test('while Redis is down a new revocation costs one attempt, however many are queued', async () => {
  await withReplicas(async w => {
    const [a] = w.replicas
    const [connection] = w.connections
    const { publish } = connection
    let attempts = 0
    connection.publish = message => {
      attempts++
      return publish(message)
    }
    connection.down = true
    for (let i = 0; i < 1_000; i++) {
      void a.revoke({ kind: 'session', id: `session ${i}` })
      await w.runPending()
    }
    assert.equal(a.stream.pending, 1_000)
    assert.ok(attempts < 1_100, `${attempts} attempts`)
    await w.reconnectAndSync()
    assert.equal(a.stream.pending, 0)
  })
})

test('a storm costs a bounded number of reads: many messages are read at once', async () => {
  await withReplicas(async w => {
    const [a] = w.replicas
    const [, connection] = w.connections
    const { readAfter } = connection
    let reads = 0
    connection.readAfter = (after, wait) => {
      reads++
      return readAfter(after, wait)
    }
    for (let i = 0; i < 200; i++) {
      void a.revoke({ kind: 'session', id: `session ${i}` })
      await w.runPending()
      await w.runPending()
    }
    assert.ok(reads < 20, `${reads} reads for 200 messages`)
    await w.reconnectAndSync()
    assert.equal(w.replicas[1].events.filter(event => event === 'received').length, 200)
  })
})

test('a replica publishes its queue when it stops', async () => {
  await withReplicas(async w => {
    const [a, b] = w.replicas
    await b.verify('x')
    w.end()
    const [connection] = w.connections
    connection.down = true
    void a.revoke({ kind: 'session', id: SESSION_ID })
    await w.runPending()
    connection.down = false
    await a.stream.close()
    await w.runPending()
    await w.runPending()
    assert.equal((await b.verify('x')).kind, 'rejected')
  })
})

test('hours without Redis do not leak memory', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): number => {
    collect()
    return process.memoryUsage().heapUsed
  }
  await withReplicas(async w => {
    for (const connection of w.connections) connection.down = true
    const rounds = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        mock.timers.tick(250)
        await w.runPending()
      }
    }
    await rounds(2_000)
    const before = used()
    await rounds(20_000)
    // Racing each wait with one long-lived promise leaked some 800 bytes per round and replica.
    assert.ok(used() - before < 4_000_000)
  })
})
