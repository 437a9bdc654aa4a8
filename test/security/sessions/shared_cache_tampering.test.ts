/** Someone who can write to Redis, but has no key, writes entries back after a revocation and deletes its tombstones. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { millis } from '../../../src/lib/time.ts'
import { fakeClock } from '../../support/clock.ts'
import { fakeRedis } from '../../support/fake_redis.ts'
import { answered, liveSession, SESSION_ID } from '../../support/kratos.ts'
import { type Replica, startReplica, waitUntil } from '../../support/replica_harness.ts'

/** One replica has verified the session `x` and written it to Redis; the attacker has a copy. Kratos then ends the session. */
async function startAttack(t: TestContext, maxAge = 60_000) {
  const clock = fakeClock()
  const redis = fakeRedis(clock)
  let ended = false
  const whoami = async () => (ended ? answered(401) : liveSession())
  const replicas: Replica[] = []
  async function start(connection = redis.connect()): Promise<Replica> {
    const replica = startReplica({ store: connection, clock, whoami, maxAge: millis(maxAge) })
    replicas.push(replica)
    await waitUntil(() => replica.stream.inSync)
    return replica
  }
  t.after(async () => {
    const closing = Promise.all(replicas.map(one => one.stream.close()))
    redis.notifyReaders()
    await closing
  })
  const writer = await start()
  await writer.verify('x')
  await waitUntil(() => redis.state.entries.size === 1)
  const copy = redis.snapshot().entries
  ended = true
  return {
    clock,
    redis,
    writer,
    start,
    attack() {
      redis.state.entries = new Map(copy)
      redis.state.tombstones.clear()
    },
  }
}

async function assertRejected(replica: Replica): Promise<void> {
  assert.equal((await replica.verify('x')).kind, 'rejected')
  assert.equal(replica.lookups.at(-1), 'invalidated')
}

test('S2-14: a replica that joins rejects entries that were written before the last revocation (C21)', async t => {
  const { clock, writer, start, attack } = await startAttack(t)
  await writer.revoke({ kind: 'session', id: SESSION_ID })
  // Recent revocations are applied again when a replica joins; this one is no longer recent.
  clock.advance(12_000)
  attack()
  await assertRejected(await start())
})

test('S2-14: a replica that joins shares entries that no revocation followed', async t => {
  const { start } = await startAttack(t)
  const verdict = await (await start()).verify('x')
  assert.ok(verdict.kind === 'verified' && verdict.cache === 'remote')
})

test('S2-14: a replica that has applied a revocation of everything rejects older entries', async t => {
  const { redis, writer, start, attack } = await startAttack(t)
  const other = await start()
  await writer.revoke({ kind: 'everything' })
  await waitUntil(() => [writer, other].every(one => one.stream.position === redis.state.head))
  attack()
  await assertRejected(other)
  attack()
  await assertRejected(writer)
})

test('S2-14: a replica that has missed a revocation rejects older entries', async t => {
  const { redis, writer, start, attack } = await startAttack(t)
  const connection = redis.connect()
  const other = await start(connection)
  connection.down = true
  redis.notifyReaders()
  await waitUntil(() => !other.stream.connected)
  await writer.revoke({ kind: 'session', id: SESSION_ID })
  redis.state.stream = []
  attack()
  connection.down = false
  await waitUntil(() => {
    redis.notifyReaders()
    return other.events.includes('gap') && other.stream.inSync
  })
  await assertRejected(other)
})

test('S2-14: a replica that has applied a revocation rejects older entries as long as they are in use', async t => {
  const { clock, redis, writer, start, attack } = await startAttack(t, 600_000)
  const other = await start()
  await writer.revoke({ kind: 'session', id: SESSION_ID })
  await waitUntil(() => other.stream.position === redis.state.head)
  clock.advance(120_000)
  // An unrelated revocation drops holdoffs that have ended.
  await writer.revoke({ kind: 'session', id: '11111111-1111-4111-8111-111111111111' })
  await waitUntil(() => other.stream.position === redis.state.head)
  attack()
  assert.equal((await other.verify('x')).kind, 'rejected')
})
