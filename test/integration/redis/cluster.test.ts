/** A real Redis Cluster of three masters: it fails over, and moves the slot of the stream, while replicas share sessions. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { millis } from '../../../src/lib/time.ts'
import { openRedisStore } from '../../../src/sessions/replication/redis_store.ts'
import { realClock } from '../../support/clock.ts'
import { type Replica, startReplica, waitUntil } from '../../support/replica_harness.ts'
import { type RedisCluster, startRedisCluster } from './redis_cluster.ts'
import { clientOptionsFor, type RedisHost, redisHost, skipWithoutRedis } from './redis_server.ts'
import { createSessionSource } from './session_source.ts'

describe('a Redis Cluster of three masters', { skip: skipWithoutRedis, timeout: 120_000 }, () => {
  let host: RedisHost
  before(() => {
    host = redisHost()
  })
  after(() => host.close())

  async function replicas(t: { after(run: () => unknown): void }, cluster: RedisCluster) {
    const kratos = createSessionSource()
    const prefix = `${randomUUID()}:`
    const errors = new Set<string>()
    const start = async (): Promise<Replica> => {
      const options = clientOptionsFor(cluster.nodes[0].port, {
        mode: 'cluster',
        onError: code => errors.add(code),
      })
      const one = startReplica({
        store: await openRedisStore(options, prefix),
        clock: realClock,
        whoami: kratos.whoami,
        timeout: millis(500),
      })
      t.after(() => one.stream.close())
      return one
    }
    const [a, b] = [await start(), await start()] as const
    await waitUntil(() => a.stream.inSync && b.stream.inSync)
    return { kratos, a, b, prefix, errors, streamKey: `${prefix}{revocations}:stream` }
  }

  /** Ends a session that both replicas have cached, and revokes it on the first one. */
  async function revokes(
    { a, b, kratos }: Awaited<ReturnType<typeof replicas>>,
    value: string,
  ): Promise<boolean> {
    for (const one of [a, b]) assert.equal((await one.verify(value)).kind, 'verified', value)
    kratos.end(value)
    const published = await a.revoke({ kind: 'session', id: kratos.idOf(value) })
    await waitUntil(async () => (await b.verify(value)).kind === 'rejected')
    return published
  }

  test('its stream is moved to another node while revocations arrive: none is lost and no cache is cleared', async t => {
    const cluster = await startRedisCluster(host)
    const all = await replicas(t, cluster)
    const { a, b, kratos, streamKey, errors } = all
    for (let i = 0; i < 10; i++) assert.equal(await revokes(all, `before ${i}`), true)
    const from = await cluster.masterOf(streamKey)
    const to = cluster.nodes.find(node => node !== from) as (typeof cluster.nodes)[0]
    await b.verify('kept')
    await cluster.moveSlot(streamKey, to, async () => {
      // Half of the keys are on either node: Redis rejects scripts over both (TRYAGAIN).
      await a.verify('while it moves')
      await b.verify('while it moves')
      kratos.end('while it moves')
      const published = await a.revoke({ kind: 'session', id: kratos.idOf('while it moves') })
      t.diagnostic(`published while half of the slot had moved: ${published}`)
    })
    await waitUntil(async () => (await b.verify('while it moves')).kind === 'rejected')
    await waitUntil(() => a.stream.inSync && b.stream.inSync)
    for (let i = 0; i < 10; i++) assert.equal(await revokes(all, `after ${i}`), true)
    t.diagnostic(`errors: ${[...errors]}`)
    const kept = await b.verify('kept')
    assert.ok(kept.kind === 'verified' && kept.cache === 'hit')
    assert.ok(![...a.events, ...b.events].some(event => event === 'gap' || event === 'data_loss'))
  })

  test('the master of the stream is killed: its replica takes over and revocations arrive again', async t => {
    const cluster = await startRedisCluster(host)
    const all = await replicas(t, cluster)
    const { a, b, kratos, streamKey, errors } = all
    const master = await cluster.masterOf(streamKey)
    const standby = await cluster.addReplica(master)
    for (let i = 0; i < 10; i++) assert.equal(await revokes(all, `before ${i}`), true)
    await a.verify('x')
    await b.verify('x')
    await sleep(100)
    await master.kill()
    kratos.end('x')
    const killed = Date.now()
    await a.revoke({ kind: 'session', id: kratos.idOf('x') })
    assert.equal((await a.verify('x')).kind, 'rejected')
    assert.equal((await a.verify('somebody else')).kind, 'verified', 'requests go on meanwhile')
    await waitUntil(async () => String(await standby.send('INFO', 'replication')).includes('role:master'))
    t.diagnostic(`failed over after ${Date.now() - killed} ms`)
    await waitUntil(async () => (await b.verify('x')).kind === 'rejected')
    t.diagnostic(`revoked everywhere after ${Date.now() - killed} ms`)
    await waitUntil(() => a.stream.inSync && b.stream.inSync)
    t.diagnostic(`in sync after ${Date.now() - killed} ms, errors ${[...errors]}, events ${a.events}`)
    for (let i = 0; i < 10; i++) assert.equal(await revokes(all, `after ${i}`), true)
  })
})
