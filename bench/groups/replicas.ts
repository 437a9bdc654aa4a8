/** Measures what replicas cost Kratos and Redis: calls, the time until a revocation applies everywhere, and storms of log-outs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startRedisCluster } from '../../test/integration/redis/redis_cluster.ts'
import { type RedisServer, redisHost, skipWithoutRedis } from '../../test/integration/redis/redis_server.ts'
import { type ReplicaSet, startReplicas } from '../replica_set.ts'
import { measureStorm, redisCpuMicros } from '../revocation_storm.ts'
import { fetchMetrics, type RunningServer } from '../servers.ts'
import { median } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const USERS = 200
const CACHE_TTL_SECONDS = 5
const CHECKS_PER_SECOND = 200
const TICK_MS = 20

interface SharedCache {
  readonly name: string
  readonly servers: readonly RedisServer[]
  readonly mode: 'single' | 'cluster'
}

export const replicas: BenchmarkGroup = {
  description:
    '1, 2 and 4 replicas, with and without Redis: calls to Kratos, revocations, storms of log-outs',
  async run({ measureSeconds }) {
    if (skipWithoutRedis !== false) {
      console.log(`\nSkipped: ${skipWithoutRedis}`)
      return
    }
    const quick = measureSeconds < 1
    const host = redisHost()
    try {
      const single = await host.start()
      const cluster = await startRedisCluster(host)
      const caches: readonly (SharedCache | undefined)[] = [
        undefined,
        { name: 'one Redis', servers: [single], mode: 'single' },
        { name: 'Cluster, 3 masters', servers: cluster.nodes, mode: 'cluster' },
      ]
      console.log(
        `\n${USERS} users, ${CHECKS_PER_SECOND} Checks a second in all, each user's Checks spread over all replicas, sessions.cache.ttl ${CACHE_TTL_SECONDS}s:`,
      )
      console.log(
        '\n| replicas | shared cache | Checks | denied | calls to Kratos | calls a user and TTL | failed or skipped reads of Redis | Redis: CPU µs a Check | ms until a revocation applies on another replica: median, maximum |',
      )
      console.log('|---|---|---|---|---|---|---|---|---|')
      for (const cache of caches)
        for (const count of [1, 2, 4]) await measureCalls(cache, count, quick ? 3 : 20, quick ? 3 : 30)
      console.log('\nA storm of log-outs at one replica, with readers in one process and one Redis:')
      console.log(
        '\n| replicas | revocations | s to publish | ms until all have applied them | Redis: CPU µs a revocation | CPU µs a revocation and replica | published again | caches cleared |',
      )
      console.log('|---|---|---|---|---|---|---|---|')
      for (const [count, perSecond] of [
        [2, 1_000],
        [10, 1_000],
        [100, 100],
      ] as const) {
        const result = await measureStorm(single, count, perSecond, quick ? 1 : 10)
        const cells = [
          count,
          result.revocations,
          result.publishSeconds.toFixed(1),
          result.lagMs.toFixed(0),
          result.redisMicros.toFixed(0),
          result.replicaMicros.toFixed(1),
          result.repeated.toFixed(0),
          result.cleared,
        ]
        console.log(`| ${cells.join(' | ')} |`)
      }
    } finally {
      await host.close()
    }
  },
}

/** Loads the replicas for `seconds`, then revokes `revocations` sessions at the first one. */
async function measureCalls(
  cache: SharedCache | undefined,
  count: number,
  seconds: number,
  revocations: number,
): Promise<void> {
  const redis = cache && {
    nodes: cache.servers.map(({ port }) => `127.0.0.1:${port}`),
    mode: cache.mode,
    keys: ['a key of thirty-two characters at least, for this benchmark only'],
    prefix: `bench-${count}:`,
    // A busy machine must not look like a failing Redis.
    timeout: '1s',
  }
  const set = await startReplicas(count, redis, `${CACHE_TTL_SECONDS}s`)
  try {
    const servers = cache?.servers ?? []
    const redisCpu = async () => (await Promise.all(servers.map(redisCpuMicros))).reduce((a, b) => a + b, 0)
    const before = await redisCpu()
    const { checks, denied } = await sendChecks(set, seconds)
    const redisMicros = ((await redisCpu()) - before) / checks
    const calls = set.kratos.callCount()
    const failed = (await Promise.all(set.replicas.map(countFailedReads))).reduce((a, b) => a + b, 0)
    const lags = cache === undefined || count === 1 ? [] : await measureRevocations(set, revocations)
    const cells = [
      count,
      cache?.name ?? 'none',
      checks,
      denied,
      calls,
      (calls / USERS / (seconds / CACHE_TTL_SECONDS)).toFixed(2),
      cache === undefined ? '' : failed,
      cache === undefined ? '' : redisMicros.toFixed(1),
      lags.length === 0 ? '' : `${median(lags).toFixed(1)}, ${Math.max(...lags).toFixed(1)}`,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  } finally {
    await set.close()
  }
}

/** Reads of the shared cache that a busy machine made too slow: they become calls to Kratos. */
async function countFailedReads(replica: RunningServer): Promise<number> {
  const metrics = await fetchMetrics(replica)
  const counts = metrics.matchAll(
    /^credence_shared_cache_lookups_total\{result="(?:error|skipped)"\} (\d+)$/gm,
  )
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Each user in turn, each Check at the next replica. */
async function sendChecks(
  set: ReplicaSet,
  seconds: number,
): Promise<{ readonly checks: number; readonly denied: number }> {
  const total = seconds * CHECKS_PER_SECOND
  const pending: Promise<boolean>[] = []
  const started = performance.now()
  while (pending.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - started) / 1000) * CHECKS_PER_SECOND))
    while (pending.length < due) {
      // Shifted in each turn, so that each user meets each replica.
      const turn = Math.floor(pending.length / USERS)
      pending.push(set.check((pending.length + turn) % set.replicas.length, pending.length % USERS))
    }
    await sleep(TICK_MS)
  }
  const allowed = await Promise.all(pending)
  return { checks: total, denied: allowed.filter(one => !one).length }
}

/** Times in ms from sending a revocation to the first replica until the last one denies the session. */
async function measureRevocations(set: ReplicaSet, count: number): Promise<readonly number[]> {
  const last = set.replicas.length - 1
  const lags: number[] = []
  for (let i = 0; i < count; i++) {
    // A new session each time: after a revocation no response for the session is cached for a while.
    const session = 1_000_000 + i
    set.kratos.ended = false
    if (!(await set.check(last, session))) throw new Error('a new session was denied')
    set.kratos.ended = true
    if (!(await set.check(last, session))) throw new Error('a cached session was denied')
    const started = performance.now()
    await set.revoke(0, session)
    while (await set.check(last, session)) {
      if (performance.now() - started > 4_000) throw new Error('a revocation did not reach a replica')
    }
    lags.push(performance.now() - started)
  }
  return lags
}
