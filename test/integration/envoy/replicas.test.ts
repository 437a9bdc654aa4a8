/** Tests of two Credence processes with Kratos and a real Redis: shared sessions, revocations, and an outage of Redis. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sendRequest } from '../../../demo/browser.ts'
import { type CountingProxy, startCountingProxy } from '../../../demo/counting_proxy.ts'
import { startCredence } from '../../../demo/credence.ts'
import { freePort } from '../../../demo/ports.ts'
import { createProcessManager } from '../../../demo/processes.ts'
import { logInForCookie } from '../../support/session_cookie.ts'
import { waitUntil } from '../../support/wait_until.ts'
import { type KratosUnderTest, startKratosUnderTest } from '../kratos/kratos_server.ts'
import { type RedisHost, type RedisServer, redisHost, skipWithoutRedis } from '../redis/redis_server.ts'

const KEY = 'a key for the tests only'
const RULES = `
- id: app
  match: { url: "<https?>://<[^/]+>/app", methods: [GET] }
  authenticators: [ { handler: cookie_session } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
`

interface Replica {
  readonly api: number
  readonly metrics: number
  readonly folder: string
}

describe('two Credence processes and a Redis', { skip: skipWithoutRedis, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-replicas-'))
  const processes = createProcessManager(folder, { endOnSignal: true })
  let redis: RedisHost
  let server: RedisServer
  let kratos: KratosUnderTest
  let kratosProxy: CountingProxy
  let a: Replica
  let b: Replica

  async function start(name: string): Promise<Replica> {
    const replica = { api: await freePort(), metrics: await freePort(), folder: join(folder, name) }
    const rules = join(folder, `${name}.rules.yaml`)
    writeFileSync(rules, RULES)
    const config = `
serve:
  grpc: { host: 127.0.0.1, port: ${await freePort()} }
  api: { host: 127.0.0.1, port: ${replica.api}, decisions: true, trusted_proxies: [127.0.0.0/8] }
  prometheus: { host: 127.0.0.1, port: ${replica.metrics} }
access_rules: { repositories: ["file://${rules}"] }
authenticators:
  cookie_session: { enabled: true, config: { check_session_url: "${kratosProxy.url}/sessions/whoami", only: [ory_kratos_session] } }
authorizers: { allow: { enabled: true } }
mutators: { noop: { enabled: true } }
errors: { handlers: { json: { enabled: true } } }
sessions:
  cache: { ttl: 10m }
  redis: { nodes: ["127.0.0.1:${server.port}"], timeout: 200ms }
`
    const env = {
      CREDENCE_SESSIONS_REVOCATION_KEYS: KEY,
      CREDENCE_SESSIONS_REDIS_KEYS: 'a key of thirty-two characters and of tests only',
    }
    // The log file is named after the replica.
    const namedProcesses = {
      start: (_: string, ...rest: [string, readonly string[], object?]) => processes.start(name, ...rest),
      stop: processes.stop,
    }
    await startCredence(config, { apiPort: replica.api, processes: namedProcesses, folder, env })
    return replica
  }

  before(async () => {
    redis = redisHost()
    server = await redis.start()
    kratos = await startKratosUnderTest()
    kratosProxy = await startCountingProxy(kratos.kratos.publicUrl)
    a = await start('a')
    b = await start('b')
    for (const replica of [a, b]) await waitForMetric(replica, 'credence_revocation_stream_connected', 1)
  })
  after(async () => {
    await processes.stop()
    await kratosProxy?.close()
    await kratos?.close()
    await redis?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const get = (port: number, path: string, headers: Record<string, string> = {}) =>
    sendRequest(`http://127.0.0.1:${port}${path}`, { method: 'GET', headers })
  const fetchApp = async ({ api }: Replica, cookie: string): Promise<number> =>
    (await get(api, '/decisions/app', { cookie, accept: 'application/json' })).status
  async function metric({ metrics }: Replica, name: string): Promise<number | undefined> {
    const { body } = await get(metrics, '/metrics')
    const line = body.split('\n').find(text => text.startsWith(name) && /[ }]/.test(text[name.length] ?? ''))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  const waitForMetric = (replica: Replica, name: string, value: number): Promise<void> =>
    waitUntil(`${name} is ${value}`, async () => (await metric(replica, name)) === value)
  const revoke = async ({ api }: Replica, body: object): Promise<number> =>
    (
      await sendRequest(`http://127.0.0.1:${api}/sessions/revocations`, {
        method: 'POST',
        headers: { 'x-revocation-key': KEY },
        body: JSON.stringify(body),
      })
    ).status
  async function loggedIn(): Promise<{ readonly cookie: string; readonly id: string }> {
    const user = await kratos.kratos.createUser()
    const cookie = await logInForCookie(kratos.kratos, user)
    const page = await sendRequest(`${kratos.kratos.publicUrl}/sessions/whoami`, {
      method: 'GET',
      headers: { cookie },
    })
    return { cookie, id: page.json<{ id: string }>().id }
  }

  test('Kratos is called once for both, and a revocation at one applies to the other', async () => {
    const { cookie, id } = await loggedIn()
    const callsBefore = kratosProxy.count('/sessions/whoami')
    assert.equal(await fetchApp(a, cookie), 200)
    await waitForMetric(a, 'credence_shared_cache_lookups_total{result="written"}', 1)
    assert.equal(await fetchApp(b, cookie), 200)
    assert.equal(await fetchApp(b, cookie), 200)
    assert.equal(kratosProxy.count('/sessions/whoami'), callsBefore + 1)
    assert.equal(await metric(b, 'credence_shared_cache_lookups_total{result="hit"}'), 1)
    await kratos.kratos.identities.disableSession({ id })
    assert.equal(await revoke(a, { session_id: id }), 204)
    await waitForMetric(b, 'credence_revocation_stream_events_total{event="received"}', 1)
    assert.equal(await fetchApp(b, cookie), 401)
    assert.equal(await fetchApp(a, cookie), 401)
  })

  test('without Redis each replica works alone, is ready, answers a revocation with 202, and publishes it later', async () => {
    const [revoked, kept] = [await loggedIn(), await loggedIn()]
    for (const replica of [a, b])
      for (const { cookie } of [revoked, kept]) assert.equal(await fetchApp(replica, cookie), 200)
    await server.kill()
    await waitForMetric(a, 'credence_revocation_stream_connected', 0)
    for (const replica of [a, b]) {
      assert.equal((await get(replica.api, '/health/ready')).status, 200)
      for (const { cookie } of [revoked, kept]) assert.equal(await fetchApp(replica, cookie), 200)
    }
    assert.equal(await fetchApp(a, (await loggedIn()).cookie), 200, 'a new session is allowed')
    await kratos.kratos.identities.disableSession({ id: revoked.id })
    assert.equal(await revoke(a, { session_id: revoked.id }), 202)
    assert.equal(await metric(a, 'credence_revocation_stream_pending'), 1)
    assert.equal(await fetchApp(a, revoked.cookie), 401)
    await server.restart()
    await waitUntil(
      'the revocation applies to the other replica',
      async () => (await fetchApp(b, revoked.cookie)) === 401,
    )
    await waitForMetric(a, 'credence_revocation_stream_pending', 0)
    assert.equal(await fetchApp(b, kept.cookie), 200)
  })

  test('log records of the stream contain no address, key, id or credential', async () => {
    await sleep(300)
    const text = readFileSync(join(folder, 'a.log'), 'utf8')
    const events = text
      .split('\n')
      .filter(line => line.includes('"event":"revocation_stream"'))
      .map(line => JSON.parse(line) as { state: string; error: string })
    const states = new Set(events.map(event => event.state))
    for (const state of ['connected', 'disconnected', 'error']) assert.ok(states.has(state), state)
    assert.ok(events.length < 40, 'a repeated error is logged once')
    assert.ok(events.every(event => /^[\w ]*$/.test(event.error)))
    assert.ok(!text.includes('ory_kratos_session=') && !text.includes(KEY) && !text.includes('thirty-two'))
  })
})
