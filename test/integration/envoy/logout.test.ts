/** test/e2e/logout — Kratos' public API behind the same Envoy: who logs out there is out everywhere at the next request. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, createBrowser, logIn, nativeLogin, send } from '../../../demo/browser.ts'
import { chooseKratos, type User } from '../../../demo/kratos.ts'
import { openWorld, type World } from './support/world.ts'

const RULES = `
- id: app
  match: { url: "<https?>://<[^/]+>/app", methods: [GET] }
  authenticators: [ { handler: cookie_session } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
- id: api
  match: { url: "<https?>://<[^/]+>/api", methods: [GET] }
  authenticators: [ { handler: bearer_token } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
- id: kratos
  match: { url: "<https?>://<[^/]+>/.ory/<.*>", methods: [GET, POST, DELETE] }
  authenticators: [ { handler: noop } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
- id: closed
  match: { url: "<https?>://<[^/]+>/closed/<.*>", methods: [GET, POST, DELETE] }
  authenticators: [ { handler: unauthorized } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
`
const SESSION = 'ory_kratos_session'
const REAL = chooseKratos().kind === 'binary'

let world: World
let user: User
before(async () => {
  world = await openWorld({
    rules: RULES,
    kratos: 'any',
    editCredence: (text, { envoy }) =>
      `${text}sessions:\n  cache: { ttl: 10m }\n  kratos_public: { urls: ["http://127.0.0.1:${envoy}/.ory", "http://127.0.0.1:${envoy}/closed"] }\n`,
    editKratos: text =>
      text.replace(
        /^( +)settings: \{ (ui_url: .*) \}$/m,
        '$1settings: { $2, after: { password: { hooks: [ { hook: revoke_active_sessions } ] } } }',
      ),
    editEnvoy: (yaml, { kratosPublic }) =>
      `${yaml
        .replace(
          /^( *)routes:\n/m,
          '$&$1- match: { prefix: /.ory/ }\n$1  route: { cluster: kratos, prefix_rewrite: / }\n',
        )
        .replace(
          /^( *)transport_api_version: V3\n/m,
          '$&$1with_request_body: { max_request_bytes: 8192, allow_partial_message: true }\n',
        )}
  - name: kratos
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: kratos
      endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${kratosPublic} } } } } ] } ]
`,
  })
  user = await world.kratos.createUser()
  process.stderr.write(`tests: Kratos under test is ${world.kratos.description}\n`)
})
after(() => world.close())

const cookieOf = (browser: Browser): string => `${SESSION}=${browser.cookie(SESSION)}`
async function loggedIn(): Promise<Browser> {
  const browser = createBrowser()
  await logIn(browser, world.kratos, user)
  return browser
}
const app = async (cookie: string): Promise<number> =>
  (await world.ask('/app', { headers: { cookie } })).status
const api = async (token: string): Promise<number> =>
  (await world.ask('/api', { headers: { authorization: `Bearer ${token}` } })).status

/** Through Envoy, as a client would: the path is Kratos' own. */
const kratos = (method: string, path: string, headers: Record<string, string>, body = '') =>
  send(`${world.origin}/.ory${path}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === '' ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body,
  })

describe('seen at the door', () => {
  test('a browser that logs out is out at the next request, and another one is not', async () => {
    const [mine, other] = [await loggedIn(), await loggedIn()]
    const cookie = cookieOf(mine)
    for (const one of [cookie, cookieOf(other)]) assert.equal(await app(one), 200)
    const start = await mine.ask(`${world.kratos.publicUrl}/self-service/logout/browser`, { accept: 'json' })
    const { search } = new URL(start.json<{ logout_url: string }>().logout_url)
    const done = await kratos('GET', `/self-service/logout${search}`, { cookie: mine.cookies })
    assert.ok([204, 303].includes(done.status), `${done.status} ${done.body}`)
    assert.equal(await app(cookie), 401)
    const before = world.calls.count('/sessions/whoami')
    assert.equal(await app(cookieOf(other)), 200)
    assert.equal(world.calls.count('/sessions/whoami'), before, 'the other one is still remembered')
  })

  test('a program that logs out names its token in the body, and is out at the next request', async () => {
    const token = await nativeLogin(world.kratos, user)
    assert.equal(await api(token), 200)
    const done = await kratos(
      'DELETE',
      '/self-service/logout/api',
      {},
      JSON.stringify({ session_token: token }),
    )
    assert.equal(done.status, 204, done.body)
    assert.equal(await api(token), 401)
  })

  test('a request that is not let through changes nothing', async () => {
    const cookie = cookieOf(await loggedIn())
    assert.equal(await app(cookie), 200)
    const before = world.calls.count('/sessions/whoami')
    const page = await world.ask('/closed/self-service/logout', { headers: { cookie } })
    assert.equal(page.status, 401)
    assert.equal(await app(cookie), 200)
    assert.equal(world.calls.count('/sessions/whoami'), before)
  })

  test('it is told in log and metrics as coming from the door', async () => {
    await sleep(300)
    const told = world.log().filter(line => line.event === 'revocation')
    assert.ok(told.length > 0 && told.every(line => line.source === 'door'))
  })
})

if (!REAL)
  process.stderr.write(
    'tests: one’s own list of sessions and settings are not tested: the stand-in has none\n',
  )

describe('seen at the door of a real Kratos', { skip: REAL ? false : 'the stand-in has no settings' }, () => {
  for (const what of ['is remembered', 'was never seen here']) {
    test(`whoever ends his other sessions, and ${what}, ends them here`, async () => {
      const [mine, other] = [await nativeLogin(world.kratos, user), await nativeLogin(world.kratos, user)]
      const browser = cookieOf(await loggedIn())
      assert.equal(await api(other), 200)
      assert.equal(await app(browser), 200)
      if (what === 'is remembered') assert.equal(await api(mine), 200)
      const done = await kratos('DELETE', '/sessions', { 'x-session-token': mine })
      assert.equal(done.status, 200, done.body)
      if (what !== 'is remembered') await sleep(200)
      assert.equal(await api(other), 401)
      assert.equal(await app(browser), 401)
      assert.equal(await api(mine), 200)
    })
  }

  test('whoever ends one other session ends it here', async () => {
    const [mine, other] = [await nativeLogin(world.kratos, user), await nativeLogin(world.kratos, user)]
    assert.equal(await api(other), 200)
    const { id } = (
      await send(`${world.kratos.publicUrl}/sessions/whoami`, {
        method: 'GET',
        headers: { 'x-session-token': other },
      })
    ).json<{ id: string }>()
    const done = await kratos('DELETE', `/sessions/${id}`, { 'x-session-token': mine })
    assert.equal(done.status, 204, done.body)
    assert.equal(await api(other), 401)
  })

  test('a password change that ends the other sessions ends them here, without a web hook', async () => {
    const [mine, other] = [await nativeLogin(world.kratos, user), await nativeLogin(world.kratos, user)]
    for (const token of [mine, other]) assert.equal(await api(token), 200)
    const { data: flow } = await world.kratos.frontend.createNativeSettingsFlow({ xSessionToken: mine })
    const body = JSON.stringify({ method: 'password', password: 'quite-another-password-2' })
    const done = await kratos(
      'POST',
      `/self-service/settings?flow=${flow.id}`,
      { 'x-session-token': mine },
      body,
    )
    assert.equal(done.status, 200, done.body)
    assert.equal(await api(other), 401)
    assert.equal(await api(mine), 200)
  })
})
