/** Tests that a logout at Kratos' public API behind the same Envoy revokes the session before the next request. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, createBrowser, logIn, nativeLogin, sendRequest } from '../../../demo/browser.ts'
import { chooseKratos, type User } from '../../../demo/kratos.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

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
const HAS_REAL_KRATOS = chooseKratos().kind === 'binary'

let environment: EnvoyEnvironment
let user: User
before(async () => {
  environment = await startEnvoyEnvironment({
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
  user = await environment.kratos.createUser()
  process.stderr.write(`tests: Kratos under test is ${environment.kratos.description}\n`)
})
after(() => environment.close())

const cookieOf = (browser: Browser): string => `${SESSION}=${browser.cookie(SESSION)}`
async function loggedIn(): Promise<Browser> {
  const browser = createBrowser()
  await logIn(browser, environment.kratos, user)
  return browser
}
const fetchApp = async (cookie: string): Promise<number> =>
  (await environment.fetch('/app', { headers: { cookie } })).status
const fetchApi = async (token: string): Promise<number> =>
  (await environment.fetch('/api', { headers: { authorization: `Bearer ${token}` } })).status

/** Calls Kratos' public API through Envoy, as a client does. */
const fetchKratos = (method: string, path: string, headers: Record<string, string>, body = '') =>
  sendRequest(`${environment.origin}/.ory${path}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === '' ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body,
  })

describe('observed logout', () => {
  test('the logout of a browser revokes its session and no other', async () => {
    const [browser, other] = [await loggedIn(), await loggedIn()]
    const cookie = cookieOf(browser)
    for (const sent of [cookie, cookieOf(other)]) assert.equal(await fetchApp(sent), 200)
    const start = await browser.fetch(`${environment.kratos.publicUrl}/self-service/logout/browser`, {
      accept: 'json',
    })
    const { search } = new URL(start.json<{ logout_url: string }>().logout_url)
    const done = await fetchKratos('GET', `/self-service/logout${search}`, { cookie: browser.cookies })
    assert.ok([204, 303].includes(done.status), `${done.status} ${done.body}`)
    assert.equal(await fetchApp(cookie), 401)
    const before = environment.kratosProxy.count('/sessions/whoami')
    assert.equal(await fetchApp(cookieOf(other)), 200)
    assert.equal(
      environment.kratosProxy.count('/sessions/whoami'),
      before,
      'the other session is still cached',
    )
  })

  test('the logout of a native client, with its token in the body, revokes its session', async () => {
    const token = await nativeLogin(environment.kratos, user)
    assert.equal(await fetchApi(token), 200)
    const done = await fetchKratos(
      'DELETE',
      '/self-service/logout/api',
      {},
      JSON.stringify({ session_token: token }),
    )
    assert.equal(done.status, 204, done.body)
    assert.equal(await fetchApi(token), 401)
  })

  test('a denied logout request revokes nothing', async () => {
    const cookie = cookieOf(await loggedIn())
    assert.equal(await fetchApp(cookie), 200)
    const before = environment.kratosProxy.count('/sessions/whoami')
    const page = await environment.fetch('/closed/self-service/logout', { headers: { cookie } })
    assert.equal(page.status, 401)
    assert.equal(await fetchApp(cookie), 200)
    assert.equal(environment.kratosProxy.count('/sessions/whoami'), before)
  })

  test('log records name the source "observed"', async () => {
    await sleep(300)
    const records = environment.logRecords().filter(record => record.event === 'revocation')
    assert.ok(records.length > 0 && records.every(record => record.source === 'observed'))
  })
})

if (!HAS_REAL_KRATOS)
  process.stderr.write(
    'tests: skipping the revocation of other sessions and the settings flow: the stand-in has neither\n',
  )

describe('observed changes of sessions at a real Kratos', {
  skip: HAS_REAL_KRATOS ? false : 'the stand-in has no such endpoints',
}, () => {
  for (const state of ['cached', 'not cached']) {
    test(`a user whose session is ${state} revokes their other sessions`, async () => {
      const [mine, other] = [
        await nativeLogin(environment.kratos, user),
        await nativeLogin(environment.kratos, user),
      ]
      const browser = cookieOf(await loggedIn())
      assert.equal(await fetchApi(other), 200)
      assert.equal(await fetchApp(browser), 200)
      if (state === 'cached') assert.equal(await fetchApi(mine), 200)
      const done = await fetchKratos('DELETE', '/sessions', { 'x-session-token': mine })
      assert.equal(done.status, 200, done.body)
      if (state !== 'cached') await sleep(200)
      assert.equal(await fetchApi(other), 401)
      assert.equal(await fetchApp(browser), 401)
      assert.equal(await fetchApi(mine), 200)
    })
  }

  test('a user revokes one other session', async () => {
    const [mine, other] = [
      await nativeLogin(environment.kratos, user),
      await nativeLogin(environment.kratos, user),
    ]
    assert.equal(await fetchApi(other), 200)
    const { id } = (
      await sendRequest(`${environment.kratos.publicUrl}/sessions/whoami`, {
        method: 'GET',
        headers: { 'x-session-token': other },
      })
    ).json<{ id: string }>()
    const done = await fetchKratos('DELETE', `/sessions/${id}`, { 'x-session-token': mine })
    assert.equal(done.status, 204, done.body)
    assert.equal(await fetchApi(other), 401)
  })

  test('a password change that ends the other sessions revokes them without a web hook', async () => {
    const [mine, other] = [
      await nativeLogin(environment.kratos, user),
      await nativeLogin(environment.kratos, user),
    ]
    for (const token of [mine, other]) assert.equal(await fetchApi(token), 200)
    const { data: flow } = await environment.kratos.frontend.createNativeSettingsFlow({ xSessionToken: mine })
    const body = JSON.stringify({ method: 'password', password: 'quite-another-password-2' })
    const done = await fetchKratos(
      'POST',
      `/self-service/settings?flow=${flow.id}`,
      { 'x-session-token': mine },
      body,
    )
    assert.equal(done.status, 200, done.body)
    assert.equal(await fetchApi(other), 401)
    assert.equal(await fetchApi(mine), 200)
  })
})
