/** Replicas with a real Redis share sessions and revocations. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { millis } from '../../../src/lib/time.ts'
import { openRedisStore } from '../../../src/sessions/replication/redis_store.ts'
import type { RevocationTarget } from '../../../src/sessions/types.ts'
import { realClock } from '../../support/clock.ts'
import { IDENTITY_ID } from '../../support/kratos.ts'
import { type Replica, startReplica, waitUntil } from '../../support/replica_harness.ts'
import {
  clientOptionsFor,
  type RedisHost,
  type RedisServer,
  redisHost,
  skipWithoutRedis,
} from './redis_server.ts'
import { createSessionSource } from './session_source.ts'

describe('replicas over a real Redis', { skip: skipWithoutRedis, timeout: 120_000 }, () => {
  let host: RedisHost
  let server: RedisServer
  before(async () => {
    host = redisHost()
    server = await host.start()
  })
  after(() => host.close())

  /** Two replicas with a key prefix and a Kratos of their own. */
  async function pair(t: { after(run: () => unknown): void }) {
    const kratos = createSessionSource()
    const prefix = `${randomUUID()}:`
    const start = async (): Promise<Replica> => {
      const bus = await openRedisStore(clientOptionsFor(server.port), prefix)
      const one = startReplica({ store: bus, clock: realClock, whoami: kratos.whoami, timeout: millis(200) })
      t.after(() => one.stream.close())
      return one
    }
    const both = [await start(), await start()] as const
    await waitUntil(() => both.every(one => one.stream.inSync))
    return { kratos, prefix, start, a: both[0], b: both[1] }
  }

  /** Caches the session on both replicas, on the second through Redis. */
  async function known(a: Replica, b: Replica, value: string): Promise<void> {
    const written = a.lookups.filter(look => look === 'written').length
    await a.verify(value)
    await waitUntil(() => a.lookups.filter(look => look === 'written').length > written)
    const verdict = await b.verify(value)
    assert.ok(verdict.kind === 'verified' && verdict.cache === 'remote')
  }

  test('a session verified by one replica is known to the other, without Set-Cookie', async t => {
    const { a, b, kratos } = await pair(t)
    const first = await a.verify('x')
    assert.ok(first.kind === 'verified' && first.responseHeaders.length === 1)
    await waitUntil(() => a.lookups.includes('written'))
    const second = await b.verify('x')
    assert.ok(second.kind === 'verified')
    assert.deepEqual([second.cache, second.responseHeaders], ['remote', []])
    assert.deepEqual(second.session, first.session)
    const third = await b.verify('x')
    assert.ok(third.kind === 'verified' && third.cache === 'hit')
    assert.equal(kratos.asked, 1)
  })

  test('Redis holds no name, id, credential or key in clear text, and every key expires', async t => {
    const { a, b, kratos, prefix } = await pair(t)
    await known(a, b, 'MTc2M3xvcnlfa3JhdG9z')
    await a.revoke({ kind: 'credential', value: 'MTc2M3xvcnlfa3JhdG9z' })
    await a.revoke({ kind: 'identity', id: IDENTITY_ID })
    const keys = ((await server.send('KEYS', `${prefix}*`)) as string[]).sort()
    assert.ok(keys.length >= 6, String(keys))
    let all = keys.join('\n')
    for (const key of keys) {
      const isStream = (await server.send('TYPE', key)) === 'stream'
      all += JSON.stringify(await (isStream ? server.send('XRANGE', key, '-', '+') : server.send('GET', key)))
      const left = Number(await server.send('PTTL', key))
      if (!/:(stream|head)$/.test(key)) assert.ok(left > 0, `${key} has no end`)
    }
    for (const secret of [
      'MTc2M3',
      kratos.idOf('MTc2M3xvcnlfa3JhdG9z'),
      IDENTITY_ID,
      'hi@example.com',
      'never shared',
      'whoami',
      'identity',
    ]) {
      assert.ok(!all.includes(secret) && !all.includes(Buffer.from(secret).toString('base64url')), secret)
    }
  })

  for (const kind of ['session', 'identity', 'credential', 'everything'] as const) {
    test(`a revocation of ${kind} applies on both replicas and in Redis`, async t => {
      const { a, b, kratos, start } = await pair(t)
      await known(a, b, 'x')
      kratos.end('x')
      const revoked = {
        kind,
        id: kind === 'identity' ? IDENTITY_ID : kratos.idOf('x'),
        value: 'x',
      } as RevocationTarget
      assert.equal(await a.revoke(revoked), true)
      await waitUntil(() => b.events.includes('received'))
      const late = await start()
      await waitUntil(() => late.stream.inSync)
      assert.equal((await late.verify('x')).kind, 'rejected')
      assert.ok(
        late.lookups.includes('invalidated'),
        'a replica that starts later finds the entry and its tombstone',
      )
      assert.equal((await b.verify('x')).kind, 'rejected')
      assert.equal((await a.verify('x')).kind, 'rejected')
    })
  }

  test('a revocation with `before` applies on both replicas', async t => {
    const { a, b, kratos } = await pair(t)
    await known(a, b, 'x')
    kratos.end('x')
    await a.revoke({ kind: 'everything', before: realClock.wall() })
    await waitUntil(() => b.events.includes('received'))
    assert.equal((await b.verify('x')).kind, 'rejected')
  })

  test('a hanging Redis delays no request, and replication resumes afterwards', async t => {
    const { a, b, kratos } = await pair(t)
    await known(a, b, 'x')
    server.freeze()
    try {
      for (const value of ['1', '2', '3', '4', '5']) {
        const verdict = await a.verify(value)
        assert.ok(verdict.kind === 'verified' && verdict.cache === 'miss')
      }
      assert.ok(a.lookups.includes('error') && a.lookups.at(-1) === 'skipped', String(a.lookups))
      kratos.end('x')
      assert.equal(
        await a.revoke({ kind: 'session', id: kratos.idOf('x') }),
        false,
        'the other replica receives it later',
      )
      assert.equal((await a.verify('x')).kind, 'rejected')
    } finally {
      server.thaw()
    }
    await waitUntil(async () => (await b.verify('x')).kind === 'rejected')
    await waitUntil(() => a.stream.inSync && b.stream.inSync)
  })

  /** Sends requests to both replicas until stopped. None may fail, and the revoking replica must accept no ended session. */
  function load(t: TestContext, a: Replica, b: Replica, revokedValues: ReadonlySet<string>) {
    let on = true
    let count = 0
    const one = async (target: Replica, heardOf: boolean): Promise<void> => {
      while (on) {
        const value = `user ${count++ % 50}`
        const out = heardOf && revokedValues.has(value)
        const verdict = await target.verify(value)
        assert.notEqual(verdict.kind, 'unavailable')
        if (out) assert.equal(verdict.kind, 'rejected', value)
        if (count % 10 === 0) await sleep(1)
      }
    }
    const running = Promise.all([one(a, true), one(a, true), one(b, false), one(b, false)])
    const stop = async () => {
      on = false
      await running
    }
    // Also after a failure of the test, so that the load ends.
    t.after(stop)
    return {
      stop,
      get count() {
        return count
      },
    }
  }

  for (const [how, dump] of [
    ['without data', false],
    ['from a dump older than the revocations', true],
  ] as const) {
    test(`killed and restarted ${how} under load: no error, no session reinstated, and sharing resumes`, async t => {
      const { a, b, kratos } = await pair(t)
      const revokedValues = new Set<string>()
      const running = load(t, a, b, revokedValues)
      const end = async (value: string): Promise<boolean> => {
        kratos.end(value)
        revokedValues.add(value)
        return a.revoke({ kind: 'session', id: kratos.idOf(value) })
      }
      await sleep(200)
      if (dump) await server.send('SAVE')
      assert.equal(await end('user 1'), true)
      await sleep(100)
      await server.kill()
      assert.equal(await end('user 2'), false)
      await sleep(300)
      await server.restart()
      await waitUntil(() => a.stream.inSync && b.stream.inSync)
      await end('user 3')
      await waitUntil(() => a.stream.position === b.stream.position)
      for (const value of revokedValues) {
        assert.equal((await b.verify(value)).kind, 'rejected', value)
        assert.equal((await a.verify(value)).kind, 'rejected', value)
      }
      await running.stop()
      assert.ok(a.events.includes('disconnected') && [...a.events, ...b.events].includes('data_loss'))
      await waitUntil(() => a.stream.inSync && b.stream.inSync)
      await known(a, b, 'somebody new')
      t.diagnostic(`${running.count} requests`)
      await server.send('FLUSHALL')
      if (dump) await server.send('SAVE')
    })
  }
})
