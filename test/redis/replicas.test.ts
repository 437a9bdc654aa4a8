/** test/redis/replicas — several replicas over a real Redis: they share what they learn, and revocations reach all of them. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { type Bus, openBus } from '../../src/sessions/bus.ts'
import type { LineOptions } from '../../src/sessions/bus_line.ts'
import { realClock } from '../fakes/clock.ts'
import { answered, sessionDocument } from '../fakes/kratos.ts'
import { type Replica, replica, until } from '../fakes/replica.ts'
import { noRedis, type RedisHost, type RedisServer, redisHost } from './under_test.ts'

export const single = (port: number): LineOptions => ({
  mode: 'single',
  nodes: [{ host: '127.0.0.1', port }],
  master: '',
  username: undefined,
  password: undefined,
  sentinelPassword: undefined,
  database: 0,
  tls: undefined,
  trouble: () => {},
})

/** A Kratos with sessions by cookie value, which counts who asks. */
function kratosOf() {
  const ended = new Set<string>()
  const ids = new Map<string, string>()
  let asked = 0
  return {
    get asked() {
      return asked
    },
    end: (value: string) => ended.add(value),
    idOf(value: string): string {
      const id = ids.get(value) ?? randomUUID()
      ids.set(value, id)
      return id
    },
    whoami: async ({ credential: { value } }: { credential: { value: string } }) => {
      asked++
      if (ended.has(value)) return answered(401)
      const kratos = { id: ids.get(value) ?? randomUUID(), expires_at: '2999-01-01T00:00:00Z' }
      ids.set(value, kratos.id)
      return answered(200, sessionDocument(kratos), [['set-cookie', 's=never shared']])
    },
  }
}

describe('replicas over a real Redis', { skip: noRedis, timeout: 60_000 }, () => {
  let host: RedisHost
  let server: RedisServer
  const opened: Bus[] = []
  let kratos: ReturnType<typeof kratosOf>
  before(async () => {
    host = redisHost()
    server = await host.start()
  })
  after(async () => {
    await host.close()
  })

  async function pair(prefix = `${randomUUID()}:`): Promise<readonly [Replica, Replica]> {
    kratos = kratosOf()
    const buses = [await openBus(single(server.port), prefix), await openBus(single(server.port), prefix)]
    opened.push(...buses)
    const both = buses.map(bus => replica({ bus, clock: realClock, whoami: kratos.whoami })) as [
      Replica,
      Replica,
    ]
    await until(() => both.every(one => one.news.settled))
    return both
  }

  test('what one has asked the other knows, without Set-Cookie', async () => {
    const [a, b] = await pair()
    const first = await a.verify('x')
    assert.ok(first.kind === 'verified' && first.responseHeaders.length === 1)
    await until(() => a.looks.includes('written'))
    const second = await b.verify('x')
    assert.ok(second.kind === 'verified')
    assert.deepEqual([second.cache, second.responseHeaders], ['remote', []])
    assert.deepEqual(second.session, first.session)
    assert.equal(kratos.asked, 1)
    const third = await b.verify('x')
    assert.ok(third.kind === 'verified' && third.cache === 'hit')
    await Promise.all([a.news.close(), b.news.close()])
  })

  for (const kind of ['session', 'identity', 'credential', 'everything'] as const) {
    test(`a revoked ${kind} is out on both, in memory and in Redis`, async () => {
      const [a, b] = await pair()
      await a.verify('x')
      await until(() => a.looks.includes('written'))
      await b.verify('x')
      kratos.end('x')
      const id = kind === 'identity' ? '90b31539-08ba-45b1-a5fc-5de840f19d7e' : kratos.idOf('x')
      const revoked = kind === 'credential' ? { kind, value: 'x' } : { kind, id }
      assert.equal(await a.revoke(revoked as Parameters<Replica['revoke']>[0]), true)
      await until(() => b.events.includes('received'))
      assert.equal((await b.verify('x')).kind, 'rejected')
      assert.equal((await a.verify('x')).kind, 'rejected')
      assert.ok(
        a.looks.includes('void') || b.looks.includes('void'),
        'the shared entry was seen and not believed',
      )
      await Promise.all([a.news.close(), b.news.close()])
    })
  }

  test('one that was cut off hears what it missed; the shared entry is void before it does', async () => {
    const [a, b] = await pair()
    await a.verify('x')
    await until(() => a.looks.includes('written'))
    await b.verify('x')
    assert.equal((await b.verify('x')).kind, 'verified')
    await a.revoke({ kind: 'session', id: kratos.idOf('x') })
    kratos.end('x')
    await until(async () => (await b.verify('x')).kind === 'rejected')
    await Promise.all([a.news.close(), b.news.close()])
  })
})
