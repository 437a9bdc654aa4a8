/** test/e2e/revocation — sessions that end, told by hand and by the hooks of a real Kratos: out at the next request. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrowser, logIn, nativeLogin, type Page, sendRequest } from '../../../demo/browser.ts'
import { chooseKratos, type User } from '../../../demo/kratos.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/world.ts'

const rule = (id: string, authenticator: string): string => `
- id: ${id}
  match: { url: "<https?>://<[^/]+>/${id}", methods: [GET] }
  authenticators: [ { handler: ${authenticator} } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-Authenticated: "{{ print .Extra.authenticated_at }}" } } } ]
`
const RULES = rule('app', 'cookie_session') + rule('api', 'bearer_token')
const KEY = 'a key for the tests only'
const SESSION = 'ory_kratos_session'
const withLongCacheTtl = (text: string): string => `${text}sessions: { cache: { ttl: 10m } }\n`
const ENV = { CREDENCE_SESSIONS_REVOCATION_KEYS: KEY }

const fetchWithCookie = (environment: EnvoyEnvironment, cookie: string) =>
  environment.fetch('/app', { headers: { cookie } })
const fetchWithToken = (environment: EnvoyEnvironment, token: string) =>
  environment.fetch('/api', { headers: { authorization: `Bearer ${token}` } })

async function cookieOf(environment: EnvoyEnvironment, user: User): Promise<string> {
  const browser = createBrowser()
  await logIn(browser, environment.kratos, user)
  return `${SESSION}=${browser.cookie(SESSION)}`
}

describe('told by hand', () => {
  let world: EnvoyEnvironment
  let user: User
  before(async () => {
    world = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'any',
      env: ENV,
      editCredence: withLongCacheTtl,
    })
    user = await world.kratos.createUser()
  })
  after(() => world.close())

  const tell = (body: object, key = KEY) =>
    sendRequest(`http://127.0.0.1:${world.ports.credenceApi}/sessions/revocations`, {
      method: 'POST',
      headers: { 'x-revocation-key': key },
      body: JSON.stringify(body),
    })
  const sessionOf = async (cookie: string) =>
    (
      await sendRequest(`${world.kratos.publicUrl}/sessions/whoami`, { method: 'GET', headers: { cookie } })
    ).json<{
      id: string
    }>()

  test('a session that an administrator ended is out at its next request', async () => {
    const cookie = await cookieOf(world, user)
    assert.equal((await fetchWithCookie(world, cookie)).status, 200)
    const { id } = await sessionOf(cookie)
    await world.kratos.identities.disableSession({ id })
    assert.equal((await fetchWithCookie(world, cookie)).status, 200, 'nobody has told yet')
    assert.equal((await tell({ session_id: id }, 'another key of sixteen')).status, 401)
    assert.equal((await fetchWithCookie(world, cookie)).status, 200)
    assert.equal((await tell({ session_id: id })).status, 204)
    assert.equal((await fetchWithCookie(world, cookie)).status, 401)
  })

  test('so is one that is known by its token only, and whatever is older than now', async () => {
    const tokens = [await nativeLogin(world.kratos, user), await nativeLogin(world.kratos, user)] as const
    for (const token of tokens) assert.equal((await fetchWithToken(world, token)).status, 200)
    await world.kratos.identities.deleteIdentitySessions({ id: user.id })
    assert.equal((await tell({ credential: tokens[0] })).status, 204)
    assert.equal((await fetchWithToken(world, tokens[0])).status, 401)
    assert.equal((await fetchWithToken(world, tokens[1])).status, 200)
    assert.equal((await tell({ everything: true, before: new Date().toISOString() })).status, 204)
    assert.equal((await fetchWithToken(world, tokens[1])).status, 401)
  })

  test('log and metrics say what kind of news came, and no credential', async () => {
    // Lines leave in lots.
    await sleep(300)
    const kinds = world
      .logRecords()
      .filter(line => line.event === 'revocation')
      .map(line => [line.source, line.kind, line.evicted])
    assert.deepEqual(kinds, [
      ['api', 'session', 1],
      ['api', 'credential', 1],
      ['api', 'everything', 1],
    ])
    const metrics = await sendRequest(`http://127.0.0.1:${world.ports.prometheus}/metrics`, {
      method: 'GET',
      headers: {},
    })
    assert.match(metrics.body, /credence_revocations_total\{[^}]*source="api",kind="session"[^}]*\} 1/)
    assert.ok(!JSON.stringify(world.logRecords()).includes('ory_st_'))
  })
})

/** Texts of docs/sessions.md. */
const IDENTITY_JSONNET = 'function(ctx) { identity_id: ctx.identity.id }'
const KEEP_SESSION_JSONNET =
  "function(ctx) { identity_id: ctx.identity.id, keep_session_id: if 'session' in ctx then ctx.session.id else null }"

test('the recipes of docs/sessions.md are the ones that are tested here', () => {
  const page = readFileSync(new URL('../../../docs/sessions.md', import.meta.url), 'utf8')
  assert.ok(
    page.includes(`base64://${Buffer.from(IDENTITY_JSONNET).toString('base64')}   # ${IDENTITY_JSONNET}\n`),
  )
  assert.ok(page.includes(`\`${KEEP_SESSION_JSONNET}\``))
})

const HAS_REAL_KRATOS = chooseKratos().kind === 'binary'
if (!HAS_REAL_KRATOS) process.stderr.write('tests: Kratos’ hooks are not tested: the stand-in has none\n')

describe('told by the hooks of a real Kratos', {
  skip: HAS_REAL_KRATOS ? false : 'the stand-in has no hooks',
}, () => {
  let world: EnvoyEnvironment
  let user: User
  /** Stands between Kratos and Credence, and looks in before Kratos hears that it may go on. */
  let between: (() => Promise<unknown>) | undefined
  const heard: { readonly body: string; readonly trigger: string; readonly status: number }[] = []
  const relay = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { authorization = '' } = request.headers
    const key = request.headers['x-revocation-key'] as string | undefined
    const answer = await sendRequest(`http://127.0.0.1:${world.ports.credenceApi}/sessions/revocations`, {
      method: 'POST',
      headers: key === undefined ? { authorization } : { 'x-revocation-key': key },
      body,
    })
    heard.push({ body, trigger: String(request.headers['ory-webhook-trigger-id']), status: answer.status })
    await between?.()
    response.writeHead(answer.status).end()
  })

  const hook = (jsonnet: string, auth: string, more = ''): string => {
    const { port } = relay.address() as AddressInfo
    const body = Buffer.from(jsonnet).toString('base64')
    return `{ hook: web_hook, config: { url: "http://127.0.0.1:${port}/", method: POST, body: "base64://${body}", auth: ${auth}${more} } }`
  }
  const API_KEY = `{ type: api_key, config: { in: header, name: X-Revocation-Key, value: "${KEY}" } }`
  const BASIC = `{ type: basic_auth, config: { user: kratos, password: "${KEY}" } }`

  before(async () => {
    await new Promise<void>(resolve => relay.listen(0, '127.0.0.1', resolve))
    world = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'any',
      env: ENV,
      editCredence: withLongCacheTtl,
      editKratos: text =>
        text.replace(
          /^( +)(login|settings): \{ (ui_url: .*) \}$/gm,
          (_line, indent: string, flow: string, ui: string) => {
            const hooks =
              flow === 'login'
                ? hook(KEEP_SESSION_JSONNET, API_KEY)
                : `{ hook: revoke_active_sessions }, ${hook(IDENTITY_JSONNET, BASIC, ', response: { ignore: true }')}`
            return `${indent}${flow}: { ${ui}, after: { password: { hooks: [ ${hooks} ] } } }`
          },
        ),
    })
    user = await world.kratos.createUser()
  })
  after(async () => {
    await world?.close()
    relay.closeAllConnections()
    relay.close()
  })

  test('a login has no session id yet: nothing is kept, and the hook is heard', async () => {
    heard.length = 0
    await nativeLogin(world.kratos, user)
    const [one] = heard
    assert.deepEqual(JSON.parse(one?.body ?? ''), {
      identity_id: user.id,
      keep_session_id: '00000000-0000-0000-0000-000000000000',
    })
    assert.equal(one?.status, 204)
    // v1.3.1 gives its messages no id; later ones do.
    assert.match(one?.trigger ?? '', /^(undefined|[0-9a-f-]{36})$/)
  })

  test('after a password change that ends the other sessions, they are out at their next request', async () => {
    const mine = await nativeLogin(world.kratos, user)
    const other = await nativeLogin(world.kratos, user)
    const browser = await cookieOf(world, user)
    for (const token of [mine, other]) assert.equal((await fetchWithToken(world, token)).status, 200)
    assert.equal((await fetchWithCookie(world, browser)).status, 200)
    heard.length = 0
    await changePassword(mine, 'quite-another-password-1')
    // It does not wait for the hook, as the recipe has it.
    for (const end = Date.now() + 5_000; heard.length === 0 && Date.now() < end; ) await sleep(10)
    assert.deepEqual(
      heard.map(({ body, status }) => [JSON.parse(body), status]),
      [[{ identity_id: user.id }, 204]],
    )
    assert.equal((await fetchWithToken(world, other)).status, 401)
    assert.equal((await fetchWithCookie(world, browser)).status, 401)
    assert.equal((await fetchWithToken(world, mine)).status, 200)
  })

  test('what Kratos says between its hook and its commit is not remembered', async () => {
    const someone = await world.kratos.createUser()
    const token = await nativeLogin(world.kratos, someone)
    const first = authenticated(await fetchWithToken(world, token))
    let inBetween = ''
    between = async () => {
      inBetween = authenticated(await fetchWithToken(world, token))
    }
    await refresh(token, someone)
    between = undefined
    const committed = authenticated(await fetchWithToken(world, token))
    assert.equal(inBetween, first, 'the hook ran before the commit')
    assert.notEqual(committed, first, 'and its answer was not kept')
  })

  const authenticated = (page: Page): string => {
    assert.equal(page.status, 200, page.body)
    return page.json<{ headers: Record<string, string> }>().headers['x-authenticated'] as string
  }

  async function changePassword(token: string, password: string): Promise<void> {
    const { frontend } = world.kratos
    const { data: flow } = await frontend.createNativeSettingsFlow({ xSessionToken: token })
    await frontend.updateSettingsFlow({
      flow: flow.id,
      xSessionToken: token,
      updateSettingsFlowBody: { method: 'password', password },
    })
  }

  async function refresh(token: string, who: User): Promise<void> {
    const { frontend } = world.kratos
    const { data: flow } = await frontend.createNativeLoginFlow({ refresh: true, xSessionToken: token })
    await frontend.updateLoginFlow({
      flow: flow.id,
      xSessionToken: token,
      updateLoginFlowBody: { method: 'password', identifier: who.email, password: who.password },
    })
  }
})
