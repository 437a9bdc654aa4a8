/** All supported kinds of Redis as real servers on loopback: ACLs, TLS, Sentinel with a failover, Cluster. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../../demo/ports.ts'
import { millis } from '../../../src/lib/time.ts'
import type { RedisClientOptions } from '../../../src/sessions/replication/redis_client.ts'
import { openRedisStore, type RedisStore } from '../../../src/sessions/replication/redis_store.ts'
import { createCertificateAuthority, skipWithoutOpenssl } from '../../support/certificates.ts'
import { realClock } from '../../support/clock.ts'
import { type Replica, startReplica, waitUntil } from '../../support/replica_harness.ts'
import { startRedisCluster } from './redis_cluster.ts'
import { clientOptionsFor, type RedisHost, redisHost, skipWithoutRedis } from './redis_server.ts'
import { createSessionSource } from './session_source.ts'

const LOOPBACK = '127.0.0.1'

/** The ACL rule of docs/sessions.md, with a password and for the prefixes of these tests. */
function documentedUser(password: string, more: readonly string[] = []): string[] {
  const page = readFileSync(new URL('../../../docs/sessions.md', import.meta.url), 'utf8')
  const [, rule = ''] = /```\n(ACL SETUSER credence .*)\n```/.exec(page) ?? []
  return [...rule.replace('>…', `>${password}`).replace('~credence:*', '~*').split(' '), ...more]
}

const noTls = skipWithoutRedis || skipWithoutOpenssl
if (noTls !== false && skipWithoutRedis === false)
  process.stderr.write(`tests: skipped TLS to Redis, ${noTls}\n`)

describe('kinds of Redis', { skip: skipWithoutRedis, timeout: 120_000 }, () => {
  let host: RedisHost
  before(() => {
    host = redisHost()
  })
  after(() => host.close())

  type Cleanup = { after(run: () => unknown): void }

  async function opened(t: Cleanup, options: RedisClientOptions): Promise<RedisStore> {
    const store = await openRedisStore(options, `${randomUUID()}:`)
    t.after(() => store.close())
    return store
  }

  /** Calls every operation of the store once. */
  async function works(store: RedisStore): Promise<void> {
    await waitUntil(() =>
      store.readHead().then(
        () => true,
        () => false,
      ),
    )
    await waitUntil(() =>
      store.getEntry('x').then(
        () => true,
        () => false,
      ),
    )
    await store.putEntry('x', 'text', millis(60_000))
    const entry = await store.getEntry('x')
    assert.ok(entry?.text === 'text' && entry.ttl > 50_000)
    await store.deleteEntry('x')
    assert.equal(await store.getEntry('x'), undefined)
    const waiting = store.readAfter('0-0', millis(5_000))
    const id = await store.publish({ text: 'text', names: ['one', 'two'], retention: millis(60_000) })
    assert.deepEqual(await waiting, [{ id, previousId: '0-0', text: 'text' }])
    assert.deepEqual(await store.getTombstones(['two', 'three']), { head: id, ids: [id, undefined] })
    assert.deepEqual(await store.readRecent(millis(60_000)), { head: id, recent: ['text'] })
    assert.equal(await store.readHead(), id)
    assert.equal(
      await store.publish({ text: '', names: ['one'], retention: millis(1), unlessAfter: '1-1' }),
      undefined,
    )
    assert.deepEqual(await store.readAfter(id as string, millis(0)), [])
  }

  test('one server', async t => {
    const server = await host.start()
    await works(await opened(t, clientOptionsFor(server.port)))
  })

  test('an ACL user with the documented permissions; a wrong password is reported by its code only', async t => {
    const server = await host.start({ requirepass: 'of-the-administrator' })
    const admin = await opened(t, clientOptionsFor(server.port, { password: 'of-the-administrator' }))
    await waitUntil(() =>
      admin.readHead().then(
        () => true,
        () => false,
      ),
    )
    const password = 'of-the-service'
    const { createClient } = await import('redis')
    const client = createClient({
      RESP: 2,
      password: 'of-the-administrator',
      socket: { host: LOOPBACK, port: server.port },
    })
    await client.connect()
    await client.sendCommand(documentedUser(password))
    client.destroy()
    const options = { username: 'credence', password }
    await works(await opened(t, clientOptionsFor(server.port, options)))
    const codes = new Set<string>()
    const wrong = await opened(
      t,
      clientOptionsFor(server.port, { ...options, password: 'wrong', onError: code => codes.add(code) }),
    )
    await waitUntil(() => codes.has('WRONGPASS'))
    await assert.rejects(wrong.getEntry('x'))
    assert.ok(![...codes].some(code => code.includes('wrong') || code.includes(password)))
  })

  test('TLS: only with our certificate authority and a client certificate', { skip: noTls }, async t => {
    const { file, read, issue } = createCertificateAuthority(host.folder)
    issue('server', '/CN=localhost', `IP:${LOOPBACK},DNS:redis.test`)
    issue('client', '/CN=credence')
    const server = await host.start({
      'tls-port': String(await freePort()),
      'tls-cert-file': file('server.pem'),
      'tls-key-file': file('server.key'),
      'tls-ca-cert-file': file('ca.pem'),
      'tls-auth-clients': 'yes',
    })
    const ours = { ca: read('ca.pem'), cert: read('client.pem'), key: read('client.key') }
    await works(await opened(t, clientOptionsFor(server.port, { tls: ours })))
    await works(
      await opened(t, clientOptionsFor(server.port, { tls: { ...ours, servername: 'redis.test' } })),
    )
    for (const [tls, code] of [
      [{ cert: ours.cert, key: ours.key }, 'SELF_SIGNED_CERT_IN_CHAIN'],
      [{ ...ours, servername: 'other.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
      [{ ca: ours.ca }, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
    ] as const) {
      const codes = new Set<string>()
      const store = await opened(t, clientOptionsFor(server.port, { tls, onError: one => codes.add(one) }))
      await waitUntil(() => codes.has(code))
      await assert.rejects(store.getEntry('x'))
    }
    await assert.rejects(
      (await opened(t, clientOptionsFor(server.port))).getEntry('x'),
      'plain text to a TLS port',
    )
  })

  async function replicas(t: Cleanup, options: RedisClientOptions) {
    const kratos = createSessionSource()
    const prefix = `${randomUUID()}:`
    const start = async (): Promise<Replica> => {
      const store = await openRedisStore(options, prefix)
      const one = startReplica({
        store: store,
        clock: realClock,
        whoami: kratos.whoami,
        timeout: millis(500),
      })
      t.after(() => one.stream.close())
      return one
    }
    const [a, b] = [await start(), await start()] as const
    await waitUntil(() => a.stream.inSync && b.stream.inSync)
    return { kratos, a, b }
  }

  async function shares(
    a: Replica,
    b: Replica,
    kratos: ReturnType<typeof createSessionSource>,
    value: string,
  ) {
    await a.verify(value)
    await waitUntil(async () => {
      const verdict = await b.verify(value)
      if (verdict.kind === 'verified' && verdict.cache === 'remote') return true
      b.sessions.clear()
      await sleep(20)
      await a.verify(value, { fresh: true })
      return false
    })
    kratos.end(value)
    await a.revoke({ kind: 'session', id: kratos.idOf(value) })
    await waitUntil(async () => (await b.verify(value)).kind === 'rejected')
  }

  test('a Cluster of three nodes: entries on all of them, revocations on one', async t => {
    const { nodes } = await startRedisCluster(host)
    const [first] = nodes
    for (const node of nodes) await node.send(...documentedUser('of-the-service', ['+cluster']))
    const user = { username: 'credence', password: 'of-the-service' }
    await works(await opened(t, clientOptionsFor(first.port, { mode: 'cluster', ...user })))
    const options = clientOptionsFor(first.port, { mode: 'cluster' })
    await works(await opened(t, options))
    const { a, b, kratos } = await replicas(t, options)
    for (let i = 0; i < 20; i++) await shares(a, b, kratos, `user ${i}`)
    for (let i = 0; i < 40; i++) await a.verify(`somebody else ${i}`)
    await waitUntil(() => a.lookups.filter(look => look === 'written').length >= 60)
    const sizes = await Promise.all(nodes.map(async node => Number(await node.send('DBSIZE'))))
    assert.ok(
      sizes.every(size => size > 0),
      String(sizes),
    )
  })

  test('Sentinel: finds the primary by name, and the new one after a failover', async t => {
    const master = await host.start({ 'repl-diskless-sync-delay': '0' })
    const second = await host.start({
      replicaof: `${LOOPBACK} ${master.port}`,
      'repl-diskless-sync-delay': '0',
    })
    const sentinel = await host.start(
      {
        'sentinel monitor': `main ${LOOPBACK} ${master.port} 1`,
        'sentinel down-after-milliseconds': 'main 500',
        'sentinel failover-timeout': 'main 3000',
      },
      'sentinel',
    )
    await waitUntil(async () =>
      /role:slave[\s\S]*master_link_status:up/.test(String(await second.send('INFO', 'replication'))),
    )
    await waitUntil(async () =>
      String(await sentinel.send('SENTINEL', 'REPLICAS', 'main')).includes(String(second.port)),
    )
    const options = clientOptionsFor(sentinel.port, { mode: 'sentinel', master: 'main' })
    await works(await opened(t, options))
    const { a, b, kratos } = await replicas(t, options)
    await shares(a, b, kratos, 'before')
    await a.verify('x')
    await b.verify('x')
    await master.kill()
    kratos.end('x')
    await a.revoke({ kind: 'session', id: kratos.idOf('x') })
    assert.equal((await a.verify('x')).kind, 'rejected')
    await waitUntil(async () => String(await second.send('INFO', 'replication')).includes('role:master'))
    await waitUntil(() => a.stream.inSync && b.stream.inSync)
    await waitUntil(async () => (await b.verify('x')).kind === 'rejected')
    await shares(a, b, kratos, 'after')
  })
})
