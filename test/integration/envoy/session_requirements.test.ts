/** Tests requirements for sessions through a real Envoy: second factor, freshness, and redirects that end. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Browser,
  createBrowser,
  enrollBackupCodes,
  logIn,
  nativeLogin,
  nativeStepUp,
  submitFlowForm,
  submitLoginForm,
} from '../../../demo/browser.ts'
import type { User } from '../../../demo/kratos.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

const rule = (id: string, authenticator: string, config: string, more = ''): string => `
- id: ${id}
  match: { url: "<https?>://<[^/]+>/${id}<(?:[/?].*)?>", methods: [GET, POST] }
  authenticators: [ { handler: ${authenticator}, config: ${config} } ]
  authorizer: { handler: ${more === 'denied' ? 'deny' : 'allow'} }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
  errors:
    - handler: redirect
      config:
        to: http://127.0.0.1:4433/self-service/login/browser
        return_to_query_param: return_to
        when:
          - error: [unauthorized, second_factor_required, reauthentication_required${more === 'denied' ? ', forbidden' : ''}]
            request: { header: { accept: [text/html] } }
`
const RULES = [
  rule('vault', 'cookie_session', '{ require: { aal: aal2 } }'),
  rule('sudo', 'cookie_session', '{ require: { authenticated_within: 2s } }'),
  rule('codes', 'cookie_session', '{ require: { methods: [lookup_secret] } }'),
  rule('fresh', 'cookie_session', '{ require: { fresh: true } }'),
  rule('plain', 'cookie_session', '{}'),
  rule('denied', 'cookie_session', '{}', 'denied'),
  rule('elsewhere', 'cookie_session', '{ only: [the_cookie_of_another_host] }'),
  rule('api', 'bearer_token', '{ require: { aal: aal2 } }'),
  `
- id: pages
  match: { url: "<https?>://<[^/]+>/<(?:login|error|settings)(?:\\\\?.*)?>", methods: [GET] }
  authenticators: [ { handler: noop } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
`,
].join('')

describe('requirements for a session', () => {
  let environment: EnvoyEnvironment
  before(async () => {
    environment = await startEnvoyEnvironment({ rules: RULES, kratos: 'any' })
    process.stderr.write(`tests: Kratos under test is ${environment.kratos.description}\n`)
  })
  after(() => environment.close())

  /** A user with backup codes who logged in with a password only. */
  async function withCodes(): Promise<{ user: User; browser: Browser; codes: readonly string[] }> {
    const user = await environment.kratos.createUser()
    const codes = await enrollBackupCodes(environment.kratos, await nativeLogin(environment.kratos, user))
    const browser = createBrowser()
    await logIn(browser, environment.kratos, user)
    return { user, browser, codes }
  }
  const at = (path: string) => `${environment.origin}${path}`
  const loginFlow = () => `${environment.kratos.publicUrl}/self-service/login/browser`
  const flowOf = (page: { visited: readonly string[] }): string =>
    new URL(page.visited.at(-1) as string).searchParams.get('flow') as string

  test('redirects a request without a session to the login, not to the second factor', async () => {
    const page = await createBrowser().fetch(at('/vault/a?b=1'))
    assert.equal(page.status, 302)
    assert.equal(
      page.headers.get('location'),
      `${loginFlow()}?return_to=${encodeURIComponent(at('/vault/a?b=1'))}`,
    )
  })

  test('redirects a browser to its second factor and back to the page', async () => {
    const { user, browser, codes } = await withCodes()
    const redirect = await browser.fetch(at('/vault/a?b=1'))
    const returnTo = encodeURIComponent(at('/vault/a?b=1'))
    assert.deepEqual(
      [redirect.status, redirect.headers.get('location')],
      [302, `${loginFlow()}?aal=aal2&return_to=${returnTo}`],
    )
    const form = await browser.navigate(at('/vault/a?b=1'))
    const done = await submitFlowForm(browser, environment.kratos, flowOf(form), {
      method: 'lookup_secret',
      lookup_secret: codes[0] as string,
    })
    assert.deepEqual([done.status, done.headers.get('location')], [303, at('/vault/a?b=1')])
    const page = await browser.fetch(at('/vault/a?b=1'), { accept: 'json' })
    assert.equal(page.status, 200, page.body)
    assert.equal(page.json<{ headers: Record<string, string> }>().headers['x-user-id'], user.id)
  })

  test('explains how to set up a second factor to a user without one', async () => {
    const user = await environment.kratos.createUser()
    const browser = createBrowser()
    await logIn(browser, environment.kratos, user)
    const page = await browser.navigate(at('/vault'))
    assert.equal(page.status, 403)
    assert.equal(page.visited.length, 1)
    assert.match(page.body, /no second factor yet/)
    assert.ok(page.body.includes(`${environment.kratos.publicUrl}/self-service/settings/browser`))
  })

  test('a client that does not accept HTML gets 403 as JSON', async () => {
    const { browser } = await withCodes()
    const page = await browser.fetch(at('/vault'), { accept: 'json' })
    assert.equal(page.status, 403)
    assert.equal(page.json<{ error: { code: number } }>().error.code, 403)
  })

  test('a token gets a challenge, and passes after the step-up despite the cached session', async () => {
    const { user, codes } = await withCodes()
    const token = await nativeLogin(environment.kratos, user)
    const request = () => environment.fetch('/api', { headers: { authorization: `Bearer ${token}` } })
    for (const _ of [1, 2]) {
      const page = await request()
      assert.equal(page.status, 401)
      assert.match(
        page.headers.get('www-authenticate') ?? '',
        /^Bearer error="insufficient_user_authentication", .*acr_values="aal2"$/,
      )
    }
    await nativeStepUp(environment.kratos, token, codes[0] as string)
    assert.equal((await request()).status, 200)
  })

  test('asks for a new login if the last one is too old, and returns to the page', async () => {
    const user = await environment.kratos.createUser()
    const browser = createBrowser()
    await logIn(browser, environment.kratos, user)
    assert.equal((await browser.fetch(at('/sudo'))).status, 200)
    await sleep(2_100)
    const form = await browser.navigate(at('/sudo'))
    assert.match(form.visited[1] ?? '', /\/login\/browser\?refresh=true&return_to=/)
    const done = await submitLoginForm(browser, environment.kratos, flowOf(form), user)
    assert.equal(done.headers.get('location'), at('/sudo'))
    assert.equal((await browser.fetch(at('/sudo'))).status, 200)
  })

  test('asks for a method of the second factor with aal2', async () => {
    const { browser, codes } = await withCodes()
    const form = await browser.navigate(at('/codes'))
    assert.match(form.visited[1] ?? '', /\?aal=aal2&refresh=true&return_to=/)
    await submitFlowForm(browser, environment.kratos, flowOf(form), {
      method: 'lookup_secret',
      lookup_secret: codes[0] as string,
    })
    assert.equal((await browser.fetch(at('/codes'))).status, 200)
  })

  test('a rule with fresh denies a session that has just ended', async () => {
    const { browser, user } = await withCodes()
    assert.equal((await browser.fetch(at('/fresh'))).status, 200)
    assert.equal((await browser.fetch(at('/plain'))).status, 200)
    await environment.kratos.identities.deleteIdentitySessions({ id: user.id })
    assert.equal((await browser.fetch(at('/fresh'), { accept: 'json' })).status, 401)
  })

  test('a denied user is not redirected in a loop', async () => {
    const { browser } = await withCodes()
    const page = await browser.navigate(at('/denied'))
    assert.equal(page.status, 403)
    assert.match(page.body, /no access to this page/)
    // Two redirects to the login and back.
    assert.equal(page.visited.filter(url => url.startsWith(loginFlow())).length, 2)
  })

  test('a browser that does not send the session cookie is not redirected in a loop', async () => {
    const { browser } = await withCodes()
    const page = await browser.navigate(at('/elsewhere'))
    assert.equal(page.status, 401)
    assert.match(page.body, /not logged in here/)
    assert.equal(page.visited.filter(url => url.startsWith(loginFlow())).length, 2)
    const again = await browser.fetch(at('/elsewhere'))
    assert.equal(again.status, 302, 'the count restarts')
  })

  test('a user who was deactivated for a moment returns without a redirect', async () => {
    const { browser, user } = await withCodes()
    const set = (state: string) =>
      environment.kratos.identities.patchIdentity({
        id: user.id,
        jsonPatch: [{ op: 'replace', path: '/state', value: state }],
      })
    await set('inactive')
    assert.equal((await browser.fetch(at('/plain'), { accept: 'json' })).status, 401)
    await set('active')
    const end = Date.now() + 5_000
    while ((await browser.fetch(at('/plain'), { accept: 'json' })).status === 401 && Date.now() < end)
      await sleep(100)
    const page = await browser.navigate(at('/plain'))
    assert.deepEqual([page.status, page.visited.length], [200, 1])
  })
})

describe('a Kratos whose database fails', () => {
  let environment: EnvoyEnvironment
  before(async () => {
    environment = await startEnvoyEnvironment({ rules: RULES, kratos: 'stand-in' })
  })
  after(() => environment.close())

  test('does not redirect a browser in a loop', async () => {
    const browser = createBrowser()
    await logIn(browser, environment.kratos, await environment.kratos.createUser())
    await browser.fetch(`${environment.kratos.adminUrl}/__standin/knobs`, {
      accept: 'json',
      fields: { database: 'queries_fail' },
    })
    const page = await browser.navigate(`${environment.origin}/fresh`)
    assert.ok(page.status >= 400, String(page.status))
    assert.ok(page.visited.length <= 3, page.visited.join(' '))
  })
})
