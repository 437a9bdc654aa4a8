/** test/e2e/replicas — two Credence processes, a Kratos and a real Redis: one knows what the other knows, with and without Redis. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrowser, logIn, sendRequest } from '../../../demo/browser.ts'
import { type CountingProxy, startCountingProxy } from '../../../demo/counting_proxy.ts'
import { startCredence } from '../../../demo/credence.ts'
import { freePort } from '../../../demo/ports.ts'
import { createProcessManager } from '../../../demo/processes.ts'
import { type KratosUnderTest, startKratosUnderTest } from '../kratos/under_test.ts'
import { type RedisHost, type RedisServer, redisHost, skipWithoutRedis } from '../redis/under_test.ts'

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
  let calls: CountingProxy
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
  cookie_session: { enabled: true, config: { check_session_url: "${calls.url}/sessions/whoami", only: [ory_kratos_session] } }
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
    const own = {
      start: (_: string, ...rest: [string, readonly string[], object?]) => processes.start(name, ...rest),
      stop: processes.stop,
    }
    await startCredence(config, { apiPort: replica.api, processes: own, folder, env })
    return replica
  }

  before(async () => {
    redis = redisHost()
    server = await redis.start()
    kratos = await startKratosUnderTest()
    calls = await startCountingProxy(kratos.kratos.publicUrl)
    a = await start('a')
    b = await start('b')
    for (const one of [a, b]) await until(async () => (await metric(one, 'credence_bus_connected')) === 1)
  })
  after(async () => {
    await processes.stop()
    await calls?.close()
    await kratos?.close()
    await redis?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const get = (port: number, path: string, headers: Record<string, string> = {}) =>
    sendRequest(`http://127.0.0.1:${port}${path}`, { method: 'GET', headers })
  const app = async ({ api }: Replica, cookie: string): Promise<number> =>
    (await get(api, '/decisions/app', { cookie, accept: 'application/json' })).status
  async function metric({ metrics }: Replica, name: string): Promise<number | undefined> {
    const { body } = await get(metrics, '/metrics')
    const line = body.split('\n').find(one => one.startsWith(name) && /[ }]/.test(one[name.length] ?? ''))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  const revoke = async ({ api }: Replica, body: object): Promise<number> =>
    (
      await sendRequest(`http://127.0.0.1:${api}/sessions/revocations`, {
        method: 'POST',
        headers: { 'x-revocation-key': KEY },
        body: JSON.stringify(body),
      })
    ).status
  async function until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await sleep(20)
  }
  async function loggedIn(): Promise<{ readonly cookie: string; readonly id: string }> {
    const browser = createBrowser()
    const user = await kratos.kratos.createUser()
    await logIn(browser, kratos.kratos, user)
    const cookie = `ory_kratos_session=${browser.cookie('ory_kratos_session')}`
    const page = await sendRequest(`${kratos.kratos.publicUrl}/sessions/whoami`, {
      method: 'GET',
      headers: { cookie },
    })
    return { cookie, id: page.json<{ id: string }>().id }
  }

  test('Kratos is asked once for both; what one hears is in force on the other at its next request', async () => {
    const { cookie, id } = await loggedIn()
    const asked = calls.count('/sessions/whoami')
    assert.equal(await app(a, cookie), 200)
    await until(async () => (await metric(a, 'credence_shared_sessions_total{outcome="written"}')) === 1)
    assert.equal(await app(b, cookie), 200)
    assert.equal(await app(b, cookie), 200)
    assert.equal(calls.count('/sessions/whoami'), asked + 1)
    assert.equal(await metric(b, 'credence_shared_sessions_total{outcome="hit"}'), 1)
    await kratos.kratos.identities.disableSession({ id })
    assert.equal(await revoke(a, { session_id: id }), 204)
    await until(async () => (await metric(b, 'credence_bus_events_total{event="received"}')) === 1)
    assert.equal(await app(b, cookie), 401)
    assert.equal(await app(a, cookie), 401)
  })

  test('without Redis each goes on by itself, is ready, tells who revokes, and makes up for it afterwards', async () => {
    const [one, two] = [await loggedIn(), await loggedIn()]
    for (const replica of [a, b])
      for (const { cookie } of [one, two]) assert.equal(await app(replica, cookie), 200)
    await server.kill()
    await until(async () => (await metric(a, 'credence_bus_connected')) === 0)
    for (const replica of [a, b]) {
      assert.equal((await get(replica.api, '/health/ready')).status, 200)
      for (const { cookie } of [one, two]) assert.equal(await app(replica, cookie), 200)
    }
    assert.equal(await app(a, (await loggedIn()).cookie), 200, 'nobody new is kept out')
    await kratos.kratos.identities.disableSession({ id: one.id })
    assert.equal(await revoke(a, { session_id: one.id }), 202)
    assert.equal(await metric(a, 'credence_bus_waiting'), 1)
    assert.equal(await app(a, one.cookie), 401)
    await server.restart()
    await until(async () => (await app(b, one.cookie)) === 401)
    await until(async () => (await metric(a, 'credence_bus_waiting')) === 0)
    assert.equal(await app(b, two.cookie), 200)
  })

  test('the log names what happened on the line, and no address, key, id or credential', async () => {
    await sleep(300)
    const text = readFileSync(join(folder, 'a.log'), 'utf8')
    const events = text
      .split('\n')
      .filter(line => line.includes('"event":"bus"'))
      .map(line => JSON.parse(line) as { state: string; error: string })
    const states = new Set(events.map(one => one.state))
    for (const state of ['connected', 'disconnected', 'trouble']) assert.ok(states.has(state), state)
    assert.ok(events.length < 40, 'trouble is told once, not each time')
    assert.ok(events.every(one => /^[\w ]*$/.test(one.error)))
    assert.ok(!text.includes('ory_kratos_session=') && !text.includes(KEY) && !text.includes('thirty-two'))
  })
})
