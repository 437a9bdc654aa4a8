/** Many readers of the revocation stream in this process, with a real Redis: what a storm of log-outs costs. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { millis } from '../src/lib/time.ts'
import { openRedisStore } from '../src/sessions/replication/redis_store.ts'
import { clientOptionsFor, type RedisServer } from '../test/integration/redis/redis_server.ts'
import { realClock } from '../test/support/clock.ts'
import { type Replica, startReplica, waitUntil } from '../test/support/replica_harness.ts'

export interface StormResult {
  readonly revocations: number
  /** From the first revocation to the last one that Redis has accepted, s. */
  readonly publishSeconds: number
  /** From then until every replica has applied all of them, ms. */
  readonly lagMs: number
  /** CPU time of Redis a revocation, µs. */
  readonly redisMicros: number
  /** CPU time of one replica a revocation, µs. */
  readonly replicaMicros: number
  /** Caches that replicas cleared, because they may have missed a revocation. */
  readonly cleared: number
  /** Revocations that were published again, because Redis or this process did not answer in time. Below 0: some were lost. */
  readonly repeated: number
}

/** One replica publishes `perSecond` revocations for `seconds`, and all the others apply them. */
export async function measureStorm(
  redis: RedisServer,
  replicaCount: number,
  perSecond: number,
  seconds: number,
): Promise<StormResult> {
  const prefix = `${randomUUID()}:`
  const replicas: Replica[] = []
  try {
    for (let i = 0; i < replicaCount; i++)
      replicas.push(
        startReplica({
          store: await openRedisStore(clientOptionsFor(redis.port), prefix),
          clock: realClock,
          whoami: () => Promise.reject(new Error('no replica calls Kratos')),
          maxAge: millis(60_000),
        }),
      )
    await waitUntil(() => replicas.every(({ stream }) => stream.inSync))
    return await publishAll(redis, prefix, replicas, perSecond, seconds)
  } finally {
    await Promise.all(replicas.map(({ stream }) => stream.close()))
  }
}

async function publishAll(
  redis: RedisServer,
  prefix: string,
  replicas: readonly Replica[],
  perSecond: number,
  seconds: number,
): Promise<StormResult> {
  const publisher = replicas[0] as Replica
  const total = perSecond * seconds
  const pending: Promise<boolean>[] = []
  const [redisBefore, ownBefore] = [await redisCpuMicros(redis), process.cpuUsage()]
  const started = performance.now()
  while (pending.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / 1000) * perSecond))
    while (pending.length < due) pending.push(publisher.revoke({ kind: 'session', id: randomUUID() }))
    await sleep(5)
  }
  await Promise.all(pending)
  await waitUntil(() => publisher.stream.pending === 0)
  const published = performance.now()
  const head = await redis.send('GET', `${prefix}{revocations}:head`)
  await waitUntil(() => replicas.every(({ stream }) => stream.position === head))
  const lagMs = performance.now() - published
  const { user, system } = process.cpuUsage(ownBefore)
  return {
    revocations: total,
    publishSeconds: (published - started) / 1000,
    lagMs,
    redisMicros: ((await redisCpuMicros(redis)) - redisBefore) / total,
    replicaMicros: (user + system) / total / replicas.length,
    cleared: countEvents(replicas, 'gap', 'data_loss', 'undecryptable'),
    repeated: countEvents(replicas, 'received') / (replicas.length - 1) - total,
  }
}

const countEvents = (replicas: readonly Replica[], ...names: readonly string[]): number =>
  replicas.reduce((count, { events }) => count + events.filter(event => names.includes(event)).length, 0)

/** CPU time of the server so far, µs. */
export async function redisCpuMicros(redis: RedisServer): Promise<number> {
  const info = String(await redis.send('INFO', 'cpu'))
  const of = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1] ?? 0)
  return (of('used_cpu_sys') + of('used_cpu_user')) * 1e6
}
