/** test/e2e/demands — what a rule demands of a session beyond being one, through a real Envoy: second factor, freshness, and no redirect without an end (kratos 6.4). */
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

describe('demands on a session', () => {
  let world: EnvoyEnvironment
  before(async () => {
    world = await startEnvoyEnvironment({ rules: RULES, kratos: 'any' })
    process.stderr.write(`tests: Kratos under test is ${world.kratos.description}\n`)
  })
  after(() => world.close())

  /** Somebody with backup codes, logged in with the password alone. */
  async function withCodes(): Promise<{ user: User; browser: Browser; codes: readonly string[] }> {
    const user = await world.kratos.createUser()
    const codes = await enrollBackupCodes(world.kratos, await nativeLogin(world.kratos, user))
    const browser = createBrowser()
    await logIn(browser, world.kratos, user)
    return { user, browser, codes }
  }
  const at = (path: string) => `${world.origin}${path}`
  const loginFlow = () => `${world.kratos.publicUrl}/self-service/login/browser`
  const flowOf = (page: { visited: readonly string[] }): string =>
    new URL(page.visited.at(-1) as string).searchParams.get('flow') as string

  test('nobody is sent to log in, not to a second factor without a first', async () => {
    const page = await createBrowser().fetch(at('/vault/a?b=1'))
    assert.equal(page.status, 302)
    assert.equal(
      page.headers.get('location'),
      `${loginFlow()}?return_to=${encodeURIComponent(at('/vault/a?b=1'))}`,
    )
  })

  test('a browser is sent to its second factor, and comes back to where it was', async () => {
    const { user, browser, codes } = await withCodes()
    const sent = await browser.fetch(at('/vault/a?b=1'))
    const back = encodeURIComponent(at('/vault/a?b=1'))
    assert.deepEqual(
      [sent.status, sent.headers.get('location')],
      [302, `${loginFlow()}?aal=aal2&return_to=${back}`],
    )
    const form = await browser.navigate(at('/vault/a?b=1'))
    const done = await submitFlowForm(browser, world.kratos, flowOf(form), {
      method: 'lookup_secret',
      lookup_secret: codes[0] as string,
    })
    assert.deepEqual([done.status, done.headers.get('location')], [303, at('/vault/a?b=1')])
    const page = await browser.fetch(at('/vault/a?b=1'), { accept: 'json' })
    assert.equal(page.status, 200, page.body)
    assert.equal(page.json<{ headers: Record<string, string> }>().headers['x-user-id'], user.id)
  })

  test('who has no second factor gets a page that says to set one up, at once', async () => {
    const user = await world.kratos.createUser()
    const browser = createBrowser()
    await logIn(browser, world.kratos, user)
    const page = await browser.navigate(at('/vault'))
    assert.equal(page.status, 403)
    assert.equal(page.visited.length, 1)
    assert.match(page.body, /none yet/)
    assert.ok(page.body.includes(`${world.kratos.publicUrl}/self-service/settings/browser`))
  })

  test('a program with a cookie gets 403 as JSON', async () => {
    const { browser } = await withCodes()
    const page = await browser.fetch(at('/vault'), { accept: 'json' })
    assert.equal(page.status, 403)
    assert.equal(page.json<{ error: { code: number } }>().error.code, 403)
  })

  test('the bearer of a token is told by a challenge; after the step-up memory does not deny the same token', async () => {
    const { user, codes } = await withCodes()
    const token = await nativeLogin(world.kratos, user)
    const ask = () => world.fetch('/api', { headers: { authorization: `Bearer ${token}` } })
    for (const _ of [1, 2]) {
      const page = await ask()
      assert.equal(page.status, 401)
      assert.match(
        page.headers.get('www-authenticate') ?? '',
        /^Bearer error="insufficient_user_authentication", .*acr_values="aal2"$/,
      )
    }
    await nativeStepUp(world.kratos, token, codes[0] as string)
    assert.equal((await ask()).status, 200)
  })

  test('a login that is too old is made again, and comes back', async () => {
    const user = await world.kratos.createUser()
    const browser = createBrowser()
    await logIn(browser, world.kratos, user)
    assert.equal((await browser.fetch(at('/sudo'))).status, 200)
    await sleep(2_100)
    const form = await browser.navigate(at('/sudo'))
    assert.match(form.visited[1] ?? '', /\/login\/browser\?refresh=true&return_to=/)
    const done = await submitLoginForm(browser, world.kratos, flowOf(form), user)
    assert.equal(done.headers.get('location'), at('/sudo'))
    assert.equal((await browser.fetch(at('/sudo'))).status, 200)
  })

  test('a method that only a second factor has is asked for as one', async () => {
    const { browser, codes } = await withCodes()
    const form = await browser.navigate(at('/codes'))
    assert.match(form.visited[1] ?? '', /\?aal=aal2&refresh=true&return_to=/)
    await submitFlowForm(browser, world.kratos, flowOf(form), {
      method: 'lookup_secret',
      lookup_secret: codes[0] as string,
    })
    assert.equal((await browser.fetch(at('/codes'))).status, 200)
  })

  test('a rule that wants fresh answers lets nobody in whose session has just ended', async () => {
    const { browser, user } = await withCodes()
    assert.equal((await browser.fetch(at('/fresh'))).status, 200)
    assert.equal((await browser.fetch(at('/plain'))).status, 200)
    await world.kratos.identities.deleteIdentitySessions({ id: user.id })
    assert.equal((await browser.fetch(at('/fresh'), { accept: 'json' })).status, 401)
  })

  test('who may not see a page, and is logged in, is not sent round for ever (loop 1)', async () => {
    const { browser } = await withCodes()
    const page = await browser.navigate(at('/denied'))
    assert.equal(page.status, 403)
    assert.match(page.body, /not for you/)
    // Away and back, twice.
    assert.equal(page.visited.filter(url => url.startsWith(loginFlow())).length, 2)
  })

  test('a session cookie that does not come here does not send its browser round for ever (loop 3)', async () => {
    const { browser } = await withCodes()
    const page = await browser.navigate(at('/elsewhere'))
    assert.equal(page.status, 401)
    assert.match(page.body, /not logged in here/)
    assert.equal(page.visited.filter(url => url.startsWith(loginFlow())).length, 2)
    const again = await browser.fetch(at('/elsewhere'))
    assert.equal(again.status, 302, 'the next try is a first one')
  })

  test('who was out for a moment is in again without going round (loop 2)', async () => {
    const { browser, user } = await withCodes()
    const set = (state: string) =>
      world.kratos.identities.patchIdentity({
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

describe('a Kratos whose database is sick', () => {
  let world: EnvoyEnvironment
  before(async () => {
    world = await startEnvoyEnvironment({ rules: RULES, kratos: 'stand-in' })
  })
  after(() => world.close())

  test('does not send a browser round for ever (loop 5)', async () => {
    const browser = createBrowser()
    await logIn(browser, world.kratos, await world.kratos.createUser())
    await browser.fetch(`${world.kratos.adminUrl}/__standin/knobs`, {
      accept: 'json',
      fields: { database: 'queries_fail' },
    })
    const page = await browser.navigate(`${world.origin}/fresh`)
    assert.ok(page.status >= 400, String(page.status))
    assert.ok(page.visited.length <= 3, page.visited.join(' '))
  })
})
