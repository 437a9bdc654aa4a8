/** Tests that a revocation, sent by an operator or by a web hook of a real Kratos, applies to the next request. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { nativeLogin, type Page, sendRequest } from '../../../demo/browser.ts'
import { chooseKratos, type User } from '../../../demo/kratos.ts'
import { logInForCookie } from '../../support/session_cookie.ts'
import { waitUntil } from '../../support/wait_until.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

const rule = (id: string, authenticator: string): string => `
- id: ${id}
  match: { url: "<https?>://<[^/]+>/${id}", methods: [GET] }
  authenticators: [ { handler: ${authenticator} } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-Authenticated: "{{ print .Extra.authenticated_at }}" } } } ]
`
const RULES = rule('app', 'cookie_session') + rule('api', 'bearer_token')
const KEY = 'a key for the tests only'
const withLongCacheTtl = (text: string): string => `${text}sessions: { cache: { ttl: 10m } }\n`
const ENV = { CREDENCE_SESSIONS_REVOCATION_KEYS: KEY }

const fetchWithCookie = (environment: EnvoyEnvironment, cookie: string) =>
  environment.fetch('/app', { headers: { cookie } })
const fetchWithToken = (environment: EnvoyEnvironment, token: string) =>
  environment.fetch('/api', { headers: { authorization: `Bearer ${token}` } })

describe('a revocation by an operator', () => {
  let environment: EnvoyEnvironment
  let user: User
  before(async () => {
    environment = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'any',
      env: ENV,
      editCredence: withLongCacheTtl,
    })
    user = await environment.kratos.createUser()
  })
  after(() => environment.close())

  const revoke = (body: object, key = KEY) =>
    sendRequest(`http://127.0.0.1:${environment.ports.credenceApi}/sessions/revocations`, {
      method: 'POST',
      headers: { 'x-revocation-key': key },
      body: JSON.stringify(body),
    })
  const sessionOf = async (cookie: string) =>
    (
      await sendRequest(`${environment.kratos.publicUrl}/sessions/whoami`, {
        method: 'GET',
        headers: { cookie },
      })
    ).json<{
      id: string
    }>()

  test('applies to the next request of a session that an administrator ended (C9)', async () => {
    const cookie = await logInForCookie(environment.kratos, user)
    assert.equal((await fetchWithCookie(environment, cookie)).status, 200)
    const { id } = await sessionOf(cookie)
    await environment.kratos.identities.disableSession({ id })
    assert.equal((await fetchWithCookie(environment, cookie)).status, 200, 'not revoked yet')
    assert.equal((await revoke({ session_id: id }, 'another key of sixteen')).status, 401)
    assert.equal((await fetchWithCookie(environment, cookie)).status, 200)
    assert.equal((await revoke({ session_id: id })).status, 204)
    assert.equal((await fetchWithCookie(environment, cookie)).status, 401)
  })

  test('can name a token, or all sessions older than a time', async () => {
    const tokens = [
      await nativeLogin(environment.kratos, user),
      await nativeLogin(environment.kratos, user),
    ] as const
    for (const token of tokens) assert.equal((await fetchWithToken(environment, token)).status, 200)
    await environment.kratos.identities.deleteIdentitySessions({ id: user.id })
    assert.equal((await revoke({ credential: tokens[0] })).status, 204)
    assert.equal((await fetchWithToken(environment, tokens[0])).status, 401)
    assert.equal((await fetchWithToken(environment, tokens[1])).status, 200)
    assert.equal((await revoke({ everything: true, before: new Date().toISOString() })).status, 204)
    assert.equal((await fetchWithToken(environment, tokens[1])).status, 401)
  })

  test('is in log and metrics with its kind, without a credential', async () => {
    // Log lines are buffered.
    await sleep(300)
    const kinds = environment
      .logRecords()
      .filter(line => line.event === 'revocation')
      .map(line => [line.source, line.kind, line.evicted])
    assert.deepEqual(kinds, [
      ['api', 'session', 1],
      ['api', 'credential', 1],
      ['api', 'everything', 1],
    ])
    const metrics = await sendRequest(`http://127.0.0.1:${environment.ports.prometheus}/metrics`, {
      method: 'GET',
      headers: {},
    })
    assert.match(metrics.body, /credence_revocations_total\{[^}]*source="api",kind="session"[^}]*\} 1/)
    assert.ok(!JSON.stringify(environment.logRecords()).includes('ory_st_'))
  })
})

/** Jsonnet of docs/sessions.md. */
const IDENTITY_JSONNET = 'function(ctx) { identity_id: ctx.identity.id }'
const KEEP_SESSION_JSONNET =
  "function(ctx) { identity_id: ctx.identity.id, keep_session_id: if 'session' in ctx then ctx.session.id else null }"

test('docs/sessions.md shows the Jsonnet that is tested here', () => {
  const page = readFileSync(new URL('../../../docs/sessions.md', import.meta.url), 'utf8')
  assert.ok(
    page.includes(`base64://${Buffer.from(IDENTITY_JSONNET).toString('base64')}   # ${IDENTITY_JSONNET}\n`),
  )
  assert.ok(page.includes(`\`${KEEP_SESSION_JSONNET}\``))
})

const HAS_REAL_KRATOS = chooseKratos().kind === 'binary'
if (!HAS_REAL_KRATOS) process.stderr.write('tests: skipping web hooks of Kratos: the stand-in has none\n')

describe('a revocation by a web hook of a real Kratos', {
  skip: HAS_REAL_KRATOS ? false : 'the stand-in has no hooks',
}, () => {
  let environment: EnvoyEnvironment
  let user: User
  /** Runs after Credence has responded to the hook and before Kratos receives the response. */
  let beforeHookReply: (() => Promise<unknown>) | undefined
  const hookCalls: { readonly body: string; readonly trigger: string; readonly status: number }[] = []
  const relay = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { authorization = '' } = request.headers
    const key = request.headers['x-revocation-key'] as string | undefined
    const reply = await sendRequest(
      `http://127.0.0.1:${environment.ports.credenceApi}/sessions/revocations`,
      {
        method: 'POST',
        headers: key === undefined ? { authorization } : { 'x-revocation-key': key },
        body,
      },
    )
    hookCalls.push({ body, trigger: String(request.headers['ory-webhook-trigger-id']), status: reply.status })
    await beforeHookReply?.()
    response.writeHead(reply.status).end()
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
    environment = await startEnvoyEnvironment({
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
    user = await environment.kratos.createUser()
  })
  after(async () => {
    await environment?.close()
    relay.closeAllConnections()
    relay.close()
  })

  test('of a login has no session id to keep, and is accepted', async () => {
    hookCalls.length = 0
    await nativeLogin(environment.kratos, user)
    const [call] = hookCalls
    assert.deepEqual(JSON.parse(call?.body ?? ''), {
      identity_id: user.id,
      keep_session_id: '00000000-0000-0000-0000-000000000000',
    })
    assert.equal(call?.status, 204)
    // Kratos v1.3.1 sends no Ory-Webhook-Trigger-ID; later versions do.
    assert.match(call?.trigger ?? '', /^(undefined|[0-9a-f-]{36})$/)
  })

  test('of a password change applies to the other sessions', async () => {
    const mine = await nativeLogin(environment.kratos, user)
    const other = await nativeLogin(environment.kratos, user)
    const browser = await logInForCookie(environment.kratos, user)
    for (const token of [mine, other]) assert.equal((await fetchWithToken(environment, token)).status, 200)
    assert.equal((await fetchWithCookie(environment, browser)).status, 200)
    hookCalls.length = 0
    await changePassword(mine, 'quite-another-password-1')
    // With `response.ignore` Kratos does not wait for the hook.
    await waitUntil('the web hook is called', () => hookCalls.length > 0)
    assert.deepEqual(
      hookCalls.map(({ body, status }) => [JSON.parse(body), status]),
      [[{ identity_id: user.id }, 204]],
    )
    assert.equal((await fetchWithToken(environment, other)).status, 401)
    assert.equal((await fetchWithCookie(environment, browser)).status, 401)
    assert.equal((await fetchWithToken(environment, mine)).status, 200)
  })

  test('prevents caching of a response between the hook and the commit of Kratos', async () => {
    const other = await environment.kratos.createUser()
    const token = await nativeLogin(environment.kratos, other)
    const first = authenticated(await fetchWithToken(environment, token))
    let duringHook = ''
    beforeHookReply = async () => {
      duringHook = authenticated(await fetchWithToken(environment, token))
    }
    await refresh(token, other)
    beforeHookReply = undefined
    const committed = authenticated(await fetchWithToken(environment, token))
    assert.equal(duringHook, first, 'the hook ran before the commit')
    assert.notEqual(committed, first, 'the response during the hook was not cached')
  })

  const authenticated = (page: Page): string => {
    assert.equal(page.status, 200, page.body)
    return page.json<{ headers: Record<string, string> }>().headers['x-authenticated'] as string
  }

  async function changePassword(token: string, password: string): Promise<void> {
    const { frontend } = environment.kratos
    const { data: flow } = await frontend.createNativeSettingsFlow({ xSessionToken: token })
    await frontend.updateSettingsFlow({
      flow: flow.id,
      xSessionToken: token,
      updateSettingsFlowBody: { method: 'password', password },
    })
  }

  async function refresh(token: string, owner: User): Promise<void> {
    const { frontend } = environment.kratos
    const { data: flow } = await frontend.createNativeLoginFlow({ refresh: true, xSessionToken: token })
    await frontend.updateLoginFlow({
      flow: flow.id,
      xSessionToken: token,
      updateLoginFlowBody: { method: 'password', identifier: owner.email, password: owner.password },
    })
  }
})
