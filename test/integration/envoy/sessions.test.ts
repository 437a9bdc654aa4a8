/** Tests of Kratos sessions through a real Envoy: cached, ended and unknown sessions, and an unavailable Kratos. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrowser, logIn, nativeLogin, type Page, sendRequest } from '../../../demo/browser.ts'
import type { User } from '../../../demo/kratos.ts'
import { logInForCookie } from '../../support/session_cookie.ts'
import { waitUntil } from '../../support/wait_until.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

const rule = (id: string, path: string, authenticator: string): string => `
- id: ${id}
  match: { url: "<https?>://<[^/]+>${path}", methods: [GET] }
  authenticators: [ { handler: ${authenticator} } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
`
const RULES = rule('app', '/app', 'cookie_session') + rule('api', '/api', 'bearer_token')
const WHOAMI = '/sessions/whoami'

/** As in envoy/hardened.yaml with more time. `max_interval` is also the timeout of one attempt. */
const RETRIES =
  '{ retry_on: "connect-failure,refused-stream,reset,unavailable", num_retries: 3, retry_back_off: { base_interval: 0.005s, max_interval: 1s } }'

/** These tests run with a real Kratos where one is available. Those that need faults use the stand-in, below. */
describe('sessions of a Kratos', () => {
  let environment: EnvoyEnvironment
  let user: User
  before(async () => {
    environment = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'any',
      editCredence: text => `${text}sessions: { cache: { ttl: 1s } }\n`,
    })
    user = await environment.kratos.createUser()
    process.stderr.write(`tests: Kratos under test is ${environment.kratos.description}\n`)
  })
  after(() => environment.close())

  const sessionCookie = () => logInForCookie(environment.kratos, user)
  const fetchApp = (cookie: string) => environment.fetch('/app', { headers: { cookie } })

  test('a session is allowed with its identity, and the second request does not call Kratos', async () => {
    const cookie = await sessionCookie()
    const first = await fetchApp(cookie)
    assert.equal(first.status, 200, first.body)
    assert.equal(first.json<{ headers: Record<string, string> }>().headers['x-user-id'], user.id)
    const before = environment.kratosProxy.count(WHOAMI)
    assert.equal((await fetchApp(`analytics=1; ${cookie}`)).status, 200)
    assert.equal(environment.kratosProxy.count(WHOAMI), before)
  })

  test('twenty concurrent requests with one new session cause one call (G8)', async () => {
    const cookie = await sessionCookie()
    const before = environment.kratosProxy.count(WHOAMI)
    const pages = await Promise.all(Array.from({ length: 20 }, () => fetchApp(cookie)))
    assert.deepEqual(new Set(pages.map(page => page.status)), new Set([200]))
    assert.equal(environment.kratosProxy.count(WHOAMI), before + 1)
  })

  test('a session token is accepted as Bearer token', async () => {
    const token = await nativeLogin(environment.kratos, user)
    const page = await environment.fetch('/api', { headers: { authorization: `Bearer ${token}` } })
    assert.equal(page.status, 200, page.body)
    assert.equal(
      (await environment.fetch('/api', { headers: { authorization: `Bearer ${token}x` } })).status,
      401,
    )
  })

  test('without a cookie Kratos is not called, and with an invalid one once per second', async () => {
    const before = environment.kratosProxy.count(WHOAMI)
    assert.equal((await environment.fetch('/app')).status, 401)
    assert.equal(environment.kratosProxy.count(WHOAMI), before)
    assert.equal((await fetchApp('ory_kratos_session=garbage')).status, 401)
    assert.equal((await fetchApp('ory_kratos_session=garbage')).status, 401)
    assert.equal(environment.kratosProxy.count(WHOAMI), before + 1)
    await sleep(1_100)
    assert.equal((await fetchApp('ory_kratos_session=garbage')).status, 401)
    assert.equal(environment.kratosProxy.count(WHOAMI), before + 2)
  })

  /** Creates a user for one test, so that ending their sessions does not affect other tests. */
  async function createLoggedInUser() {
    const owner = await environment.kratos.createUser()
    const browser = createBrowser()
    await logIn(browser, environment.kratos, owner)
    const cookie = `ory_kratos_session=${browser.cookie('ory_kratos_session')}`
    const page = await sendRequest(`${environment.kratos.publicUrl}${WHOAMI}`, {
      method: 'GET',
      headers: { cookie },
    })
    return { owner, browser, cookie, id: page.json<{ id: string }>().id }
  }
  const waitForDenial = async (send: () => Promise<{ status: number }>) => {
    await waitUntil('the session is denied', async () => (await send()).status !== 200)
    return (await send()).status
  }

  for (const [what, end] of [
    [
      'the browser logs out',
      async ({ browser }) => {
        const start = await browser.fetch(`${environment.kratos.publicUrl}/self-service/logout/browser`, {
          accept: 'json',
        })
        await browser.fetch(start.json<{ logout_url: string }>().logout_url)
      },
    ],
    [
      'an administrator ends the session',
      async ({ id }) => {
        await environment.kratos.identities.disableSession({ id })
      },
    ],
    [
      'an administrator ends all sessions of the identity',
      async ({ owner }) => {
        await environment.kratos.identities.deleteIdentitySessions({ id: owner.id })
      },
    ],
    [
      'the identity is made inactive',
      async ({ owner }) => {
        const jsonPatch = [{ op: 'replace' as const, path: '/state', value: 'inactive' }]
        await environment.kratos.identities.patchIdentity({ id: owner.id, jsonPatch })
      },
    ],
    [
      'the identity is deleted',
      async ({ owner }) => {
        await environment.kratos.identities.deleteIdentity({ id: owner.id })
      },
    ],
  ] as const satisfies readonly (readonly [
    string,
    (session: Awaited<ReturnType<typeof createLoggedInUser>>) => Promise<void>,
  ])[]) {
    test(`after ${what} the session is denied once its cache entry expires`, async () => {
      const user = await createLoggedInUser()
      assert.equal((await fetchApp(user.cookie)).status, 200)
      await end(user)
      assert.equal(await waitForDenial(() => fetchApp(user.cookie)), 401)
    })
  }

  test('only one credential is sent to Kratos, which could confuse two (C1, J12)', async () => {
    const cookieOwner = await createLoggedInUser()
    const token = await nativeLogin(environment.kratos, user)
    const subject = (page: Awaited<ReturnType<typeof fetchApp>>) =>
      page.status === 200
        ? page.json<{ headers: Record<string, string> }>().headers['x-user-id']
        : page.status
    const broken = { authorization: `Bearer ${token}`, cookie: 'ory_kratos_session=garbage' }
    assert.equal(subject(await environment.fetch('/api', { headers: broken })), user.id)
    const both = { 'x-session-token': token, cookie: cookieOwner.cookie }
    assert.equal(subject(await environment.fetch('/app', { headers: both })), cookieOwner.owner.id)
    assert.equal(subject(await environment.fetch('/api', { headers: both })), user.id)
    const ended = { 'x-session-token': `${token}x`, cookie: cookieOwner.cookie }
    assert.equal(subject(await environment.fetch('/app', { headers: ended })), cookieOwner.owner.id)
    const pages = [
      await environment.fetch('/app', { headers: both }),
      await environment.fetch('/api', { headers: both }),
    ]
    assert.deepEqual(
      pages.map(({ setCookies }) => setCookies),
      [[], []],
    )
  })

  test('a native client is allowed with its token in X-Session-Token, and denied after its logout', async () => {
    const token = await nativeLogin(environment.kratos, user)
    const fetchApi = () => environment.fetch('/api', { headers: { 'x-session-token': token } })
    assert.equal((await fetchApi()).status, 200)
    await environment.kratos.frontend.performNativeLogout({
      performNativeLogoutBody: { session_token: token },
    })
    assert.equal(await waitForDenial(fetchApi), 401)
  })

  test('the renewed cookie of an extended session reaches its own user only, on one response (C10)', async () => {
    const [extended, other] = [await createLoggedInUser(), await createLoggedInUser()]
    assert.deepEqual((await fetchApp(extended.cookie)).setCookies, [])
    await environment.kratos.identities.extendSession({ id: extended.id })
    await sleep(1_100)
    const callsBefore = environment.kratosProxy.count(WHOAMI)
    const pages = await Promise.all(
      [extended, other, extended, other, extended].map(async ({ cookie, id }) => ({
        id,
        page: await fetchApp(cookie),
      })),
    )
    assert.equal(environment.kratosProxy.count(WHOAMI), callsBefore + 2)
    const received = pages.flatMap(({ id, page }) => page.setCookies.map(line => ({ id, line })))
    assert.ok(received.length >= 1)
    assert.deepEqual(
      new Set(received.map(({ id }) => id)),
      new Set([extended.id]),
      'no user receives the cookie of another',
    )
    assert.deepEqual((await fetchApp(extended.cookie)).setCookies, [], 'a cached session sets no cookie')
    const [, value] =
      /^ory_kratos_session=([^;]+); .*Max-Age=\d+; HttpOnly; SameSite=Lax/.exec(received[0]?.line ?? '') ?? []
    assert.ok(value !== undefined)
    const renewed = await fetchApp(`ory_kratos_session=${value}`)
    assert.equal(renewed.json<{ headers: Record<string, string> }>().headers['x-user-id'], extended.owner.id)
    assert.deepEqual(renewed.setCookies, [])
  })
})

describe('a Kratos with a fault', () => {
  let environment: EnvoyEnvironment
  let cookie: string
  before(async () => {
    environment = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'stand-in',
      listeners: {
        'with the default timeout of Envoy': listener => listener.replace(/^ *timeout: 0\.5s.*\n/m, ''),
        'with retries': listener =>
          listener.replace(/^( *)timeout: 0\.5s.*\n/m, `$1timeout: 5s\n$1retry_policy: ${RETRIES}\n`),
      },
      editCredence: text => `${text}sessions: { cache: { ttl: 0s } }\n`,
    })
    cookie = await logInForCookie(environment.kratos, await environment.kratos.createUser())
  })
  after(() => environment.close())

  const setKnobs = (values: object) =>
    sendRequest(`${environment.kratos.adminUrl}/__standin/knobs`, {
      method: 'POST',
      headers: {},
      body: JSON.stringify(values),
    })
  const status = async () => (await environment.fetch('/app', { headers: { cookie } })).status

  for (const whoami of ['error_500', 'error_503', 'html_200'] as const) {
    test(`${whoami} is 503, never 401`, async () => {
      await setKnobs({ whoami })
      assert.equal(await status(), 503)
      await setKnobs({ whoami: 'normal' })
      assert.equal(await status(), 200)
    })
  }

  /** A session that no other test uses, because a call that hangs is shared until its timeout. */
  const session = (n: number) => ({ cookie: `ory_kratos_session=hangs-${n}` })
  /** Envoy's own 503 and 403 have no body. */
  const assertDeniedByCredence = (page: Page) => {
    assert.equal(page.status, 503)
    assert.equal(page.headers.get('retry-after'), '1')
    assert.equal(page.json<{ error: { code: number } }>().error.code, 503)
  }

  test('that hangs is 503 before the default timeout of Envoy, 200 ms (F12)', async () => {
    await setKnobs({ whoami: 'hang' })
    // Credence answers 15 ms before Envoy's timeout: of 500 ms, then of 200 ms. On a busy machine, or with code that V8
    // has not compiled yet, one of ten suffices.
    for (const listener of [undefined, 'with the default timeout of Envoy']) {
      const pages: Page[] = []
      while (pages.length < 10 && pages.at(-1)?.headers.get('retry-after') === undefined) {
        const headers = session((listener === undefined ? 10 : 20) + pages.length)
        pages.push(await environment.fetch('/app', { headers, ...(listener && { listener }) }))
      }
      assertDeniedByCredence(pages.at(-1) as Page)
    }
    await setKnobs({ whoami: 'normal' })
    assert.equal(await status(), 200, 'another session is not delayed')
  })

  test('that hangs is called once although Envoy would retry', async () => {
    await setKnobs({ whoami: 'hang' })
    const before = environment.kratosProxy.count(WHOAMI)
    const headers = { ...session(3), 'x-request-id': 'with-retries' }
    assertDeniedByCredence(await environment.fetch('/app', { headers, listener: 'with retries' }))
    assert.equal(environment.kratosProxy.count(WHOAMI), before + 1)
    const [record, ...more] = await environment.waitForLogRecords('with-retries')
    assert.deepEqual([record?.status, record?.rule, more.length], [503, 'app', 0])
    await setKnobs({ whoami: 'normal' })
  })

  test('that hangs is called once for concurrent requests with one session, which are all 503', async () => {
    await setKnobs({ whoami: 'hang' })
    const before = environment.kratosProxy.count(WHOAMI)
    const pages = await Promise.all(
      Array.from({ length: 10 }, () =>
        environment.fetch('/app', { headers: session(4), listener: 'with retries' }),
      ),
    )
    for (const page of pages) assert.equal(page.status, 503)
    // On a machine that is busy with other tests the timeout of Envoy may come first for some of them.
    assertDeniedByCredence(pages.find(page => page.headers.has('retry-after')) as Page)
    assert.equal(environment.kratosProxy.count(WHOAMI), before + 1)
    await setKnobs({ whoami: 'normal' })
  })

  test('that is stopped is 503', async () => {
    await environment.kratos.process?.stop()
    const page = await environment.fetch('/app', { headers: { cookie } })
    assert.equal(page.status, 503)
    assert.match(page.headers.get('content-type') ?? '', /^application\/json/)
  })
})
