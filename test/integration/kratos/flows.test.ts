/** The behavior of Kratos that Credence relies on, tested against a real Kratos or the stand-in. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  type Browser,
  createBrowser,
  logIn,
  nativeLogin,
  type Page,
  sendRequest,
  submitLoginForm,
} from '../../../demo/browser.ts'
import type { Kratos, User } from '../../../demo/kratos.ts'
import { type KratosUnderTest, startKratosUnderTest } from './kratos_server.ts'

let server: KratosUnderTest
let kratos: Kratos
let user: User

before(async () => {
  server = await startKratosUnderTest()
  kratos = server.kratos
  user = await kratos.createUser()
})
after(() => server.close())

const SESSION = 'ory_kratos_session'
const whoami = (headers: Record<string, string>): Promise<Page> =>
  sendRequest(`${kratos.publicUrl}/sessions/whoami`, { method: 'GET', headers })
const byCookie = (browser: Browser) => whoami({ cookie: `${SESSION}=${browser.cookie(SESSION)}` })
const byToken = (token: string) => whoami({ 'x-session-token': token })

interface SessionJson {
  readonly id: string
  readonly active: boolean
  readonly expires_at: string
  readonly authenticator_assurance_level: string
  readonly identity: {
    readonly id: string
    readonly state: string
    readonly traits: { readonly email: string }
  }
}

const NO_SESSION = {
  error: {
    code: 401,
    status: 'Unauthorized',
    reason: 'No valid session credentials found in the request.',
    message: 'The request could not be authorized',
  },
}

function isNoSession(page: Page): void {
  assert.equal(page.status, 401)
  assert.deepEqual(page.json(), NO_SESSION)
}

async function loggedIn(as = user): Promise<Browser> {
  const browser = createBrowser()
  const page = await logIn(browser, kratos, as)
  assert.equal(page.status, 303, page.body)
  return browser
}

describe('logging in', () => {
  test('reports which Kratos is tested', t => {
    t.diagnostic(`Kratos under test: ${kratos.description}`)
    process.stderr.write(`tests: Kratos under test is ${kratos.description}\n`)
    assert.ok(kratos.description.includes(kratos.kind === 'stand-in' ? 'STAND-IN' : 'Kratos'))
  })

  test('a browser gets a session cookie from the form and returns to its origin', async () => {
    const origin = `http://127.0.0.1:${server.ports.envoy}`
    const browser = createBrowser()
    const back = encodeURIComponent(`${origin}/admin?x=1`)
    const start = await browser.fetch(`${kratos.publicUrl}/self-service/login/browser?return_to=${back}`)
    assert.equal(start.status, 303)
    const page = new URL(start.headers.get('location') as string)
    assert.equal(`${page.origin}${page.pathname}`, `${origin}/login`)
    const done = await submitLoginForm(browser, kratos, page.searchParams.get('flow') as string, user)
    assert.equal(done.status, 303)
    assert.equal(done.headers.get('location'), `${origin}/admin?x=1`)
    const cookie = done.setCookies.find(line => line.startsWith(`${SESSION}=`)) as string
    assert.match(cookie, /; Path=\/; .*Max-Age=35\d\d; HttpOnly; SameSite=Lax$/)
    assert.ok((browser.cookie(SESSION) as string).length > 300)

    const answer = await byCookie(browser)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('x-kratos-authenticated-identity-id'), user.id)
    const session = answer.json<SessionJson>()
    assert.equal(session.active, true)
    assert.equal(session.identity.id, user.id)
    assert.equal(session.identity.state, 'active')
    assert.equal(session.identity.traits.email, user.email)
    assert.equal(session.authenticator_assurance_level, 'aal1')
    assert.ok(Date.parse(session.expires_at) > Date.now())
  })

  test('a native client gets a session token, valid as X-Session-Token and as bearer token, and no cookie', async () => {
    const token = await nativeLogin(kratos, user)
    assert.match(token, /^ory_st_[A-Za-z0-9]{32}$/)
    for (const headers of [{ 'x-session-token': token }, { authorization: `bearer ${token}` }]) {
      const answer = await whoami(headers as unknown as Record<string, string>)
      assert.equal(answer.status, 200)
      assert.equal(answer.json<SessionJson>().identity.id, user.id)
      assert.deepEqual(answer.setCookies, [])
    }
  })

  test('a wrong password gets 400 with message 4000006 in a native flow, and redirects browsers to the page', async () => {
    const wrong = { ...user, password: 'not the password' }
    await assert.rejects(
      nativeLogin(kratos, wrong),
      (error: { response?: { status: number; data: unknown } }) => {
        assert.equal(error.response?.status, 400)
        assert.match(JSON.stringify(error.response?.data), /"id":4000006/)
        return true
      },
    )
    const browser = createBrowser()
    const page = await logIn(browser, kratos, wrong)
    assert.equal(page.status, 303)
    assert.match(page.headers.get('location') as string, /\/login\?flow=/)
    assert.equal(browser.cookie(SESSION), undefined)
  })

  test('a form without the anti-forgery cookie is rejected', async () => {
    const browser = createBrowser()
    const start = await browser.fetch(`${kratos.publicUrl}/self-service/login/browser`, { accept: 'json' })
    const { ui } = start.json<{ ui: { action: string } }>()
    const otherBrowser = await createBrowser().fetch(ui.action, {
      accept: 'json',
      fields: { method: 'password', csrf_token: 'x', identifier: user.email, password: user.password },
    })
    assert.equal(otherBrowser.status, 403)
    assert.equal(otherBrowser.json<{ error: { id: string } }>().error.id, 'security_csrf_violation')
  })

  test('a login returns only to URLs allowed in kratos.yml', async () => {
    const url = `${kratos.publicUrl}/self-service/login/browser?return_to=http%3A%2F%2Fevil.example%2F`
    const page = await createBrowser().fetch(url, { accept: 'json' })
    assert.equal(page.status, 400)
    assert.equal(page.json<{ error: { id: string } }>().error.id, 'self_service_flow_return_to_forbidden')
  })
})

describe('whoami', () => {
  test('no credential, a broken cookie and an unknown token get the same 401 without an error id', async () => {
    isNoSession(await whoami({}))
    isNoSession(await whoami({ cookie: `${SESSION}=garbage` }))
    isNoSession(await byToken('ory_st_qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq'))
    isNoSession(await whoami({ authorization: 'Bearer  two-blanks' }))
  })

  test('a token takes precedence over a cookie, and a cookie over a bearer token', async () => {
    const other = await kratos.createUser()
    const cookie = `${SESSION}=${(await loggedIn(other)).cookie(SESSION)}`
    const token = await nativeLogin(kratos, user)
    const subject = async (headers: Record<string, string>) =>
      (await whoami(headers)).json<SessionJson>().identity.id
    assert.equal(await subject({ cookie, 'x-session-token': token }), user.id)
    assert.equal(await subject({ cookie, authorization: `Bearer ${token}` }), other.id)
  })

  test('the first valid cookie counts; an invalid one beside a valid token gets 500', async () => {
    const good = `${SESSION}=${(await loggedIn()).cookie(SESSION)}`
    assert.equal((await whoami({ cookie: `${SESSION}=garbage; ${good}` })).status, 200)
    assert.equal((await whoami({ cookie: good.replace(/=+$/, '%3D') })).status, 401)
    const token = await nativeLogin(kratos, user)
    const both = await whoami({ cookie: `${SESSION}=garbage`, 'x-session-token': token })
    assert.equal(both.status, 500)
  })

  test('after an extension the old cookie is answered with a new one', async () => {
    const browser = await loggedIn()
    const { id } = (await byCookie(browser)).json<SessionJson>()
    assert.deepEqual((await byCookie(browser)).setCookies, [])
    await kratos.identities.extendSession({ id })
    const [line] = (await byCookie(browser)).setCookies
    assert.match(line ?? '', new RegExp(`^${SESSION}=`))
    assert.ok(!line?.includes(browser.cookie(SESSION) as string))
  })
})

describe('the end of a session', () => {
  test('a browser logout deletes the cookie and invalidates its value', async () => {
    const browser = await loggedIn()
    const old = browser.cookie(SESSION)
    const start = await browser.fetch(`${kratos.publicUrl}/self-service/logout/browser`, { accept: 'json' })
    const { logout_url } = start.json<{ logout_url: string }>()
    const done = await browser.fetch(logout_url)
    assert.equal(done.status, 303)
    assert.equal(browser.cookie(SESSION), undefined)
    isNoSession(await whoami({ cookie: `${SESSION}=${old}` }))
  })

  test('native logout ends the token', async () => {
    const token = await nativeLogin(kratos, user)
    await kratos.frontend.performNativeLogout({ performNativeLogoutBody: { session_token: token } })
    isNoSession(await byToken(token))
  })

  test('an administrator ends one session only', async () => {
    const [ended, kept] = [await nativeLogin(kratos, user), await nativeLogin(kratos, user)]
    const { id } = (await byToken(ended)).json<SessionJson>()
    await kratos.identities.disableSession({ id })
    isNoSession(await byToken(ended))
    assert.equal((await byToken(kept)).status, 200)
    assert.equal((await kratos.identities.getSession({ id })).data.active, false)
  })

  test('the sessions of an inactive identity are rejected, and accepted once it is active again', async () => {
    const someone = await kratos.createUser()
    const token = await nativeLogin(kratos, someone)
    const set = (state: string) =>
      kratos.identities.patchIdentity({
        id: someone.id,
        jsonPatch: [{ op: 'replace', path: '/state', value: state }],
      })
    await set('inactive')
    isNoSession(await byToken(token))
    await set('active')
    assert.equal((await byToken(token)).status, 200)
  })

  test('all sessions of an identity are removed at once', async () => {
    const someone = await kratos.createUser()
    const tokens = [await nativeLogin(kratos, someone), await nativeLogin(kratos, someone)]
    await kratos.identities.deleteIdentitySessions({ id: someone.id })
    for (const token of tokens) isNoSession(await byToken(token))
    await assert.rejects(kratos.identities.deleteIdentitySessions({ id: someone.id }))
  })
})
