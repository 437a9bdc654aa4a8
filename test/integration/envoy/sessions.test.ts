/** test/e2e/sessions — Kratos sessions through a real Envoy: remembered, ended, unknown, and Kratos out of reach. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrowser, logIn, nativeLogin, type Page, sendRequest } from '../../../demo/browser.ts'
import type { User } from '../../../demo/kratos.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/world.ts'

const rule = (id: string, path: string, authenticator: string): string => `
- id: ${id}
  match: { url: "<https?>://<[^/]+>${path}", methods: [GET] }
  authenticators: [ { handler: ${authenticator} } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
`
const RULES = rule('app', '/app', 'cookie_session') + rule('api', '/api', 'bearer_token')
const WHOAMI = '/sessions/whoami'

/** As in envoy/hardened.yaml, but for more time; `max_interval` is also the time for one try. */
const RETRIES =
  '{ retry_on: "connect-failure,refused-stream,reset,unavailable", num_retries: 3, retry_back_off: { base_interval: 0.005s, max_interval: 1s } }'

/** As many tests as can be on whatever Kratos is at hand; what needs a sick one is on the stand-in below. */
describe('sessions of a Kratos', () => {
  let world: EnvoyEnvironment
  let user: User
  before(async () => {
    world = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'any',
      editCredence: text => `${text}sessions: { cache: { ttl: 1s } }\n`,
    })
    user = await world.kratos.createUser()
    process.stderr.write(`tests: Kratos under test is ${world.kratos.description}\n`)
  })
  after(() => world.close())

  const sessionCookie = async (): Promise<string> => {
    const browser = createBrowser()
    await logIn(browser, world.kratos, user)
    return `ory_kratos_session=${browser.cookie('ory_kratos_session')}`
  }
  const app = (cookie: string) => world.fetch('/app', { headers: { cookie } })

  test('a session lets in with its identity, and the second request costs Kratos nothing', async () => {
    const cookie = await sessionCookie()
    const first = await app(cookie)
    assert.equal(first.status, 200, first.body)
    assert.equal(first.json<{ headers: Record<string, string> }>().headers['x-user-id'], user.id)
    const before = world.kratosProxy.count(WHOAMI)
    assert.equal((await app(`analytics=1; ${cookie}`)).status, 200)
    assert.equal(world.kratosProxy.count(WHOAMI), before)
  })

  test('twenty requests at once with one new session are one question', async () => {
    const cookie = await sessionCookie()
    const before = world.kratosProxy.count(WHOAMI)
    const pages = await Promise.all(Array.from({ length: 20 }, () => app(cookie)))
    assert.deepEqual(new Set(pages.map(page => page.status)), new Set([200]))
    assert.equal(world.kratosProxy.count(WHOAMI), before + 1)
  })

  test('a session token works as Bearer', async () => {
    const token = await nativeLogin(world.kratos, user)
    const page = await world.fetch('/api', { headers: { authorization: `Bearer ${token}` } })
    assert.equal(page.status, 200, page.body)
    assert.equal((await world.fetch('/api', { headers: { authorization: `Bearer ${token}x` } })).status, 401)
  })

  test('without a cookie Kratos is not asked; about a bad one it is asked once a moment', async () => {
    const before = world.kratosProxy.count(WHOAMI)
    assert.equal((await world.fetch('/app')).status, 401)
    assert.equal(world.kratosProxy.count(WHOAMI), before)
    assert.equal((await app('ory_kratos_session=garbage')).status, 401)
    assert.equal((await app('ory_kratos_session=garbage')).status, 401)
    assert.equal(world.kratosProxy.count(WHOAMI), before + 1)
    await new Promise(resolve => setTimeout(resolve, 1_100))
    assert.equal((await app('ory_kratos_session=garbage')).status, 401)
    assert.equal(world.kratosProxy.count(WHOAMI), before + 2)
  })

  /** Somebody of his own, so that what ends his session ends nobody else's. */
  async function someone() {
    const person = await world.kratos.createUser()
    const browser = createBrowser()
    await logIn(browser, world.kratos, person)
    const cookie = `ory_kratos_session=${browser.cookie('ory_kratos_session')}`
    const page = await sendRequest(`${world.kratos.publicUrl}${WHOAMI}`, {
      method: 'GET',
      headers: { cookie },
    })
    return { person, browser, cookie, id: page.json<{ id: string }>().id }
  }
  const untilOut = async (ask: () => Promise<{ status: number }>) => {
    const end = Date.now() + 5_000
    while ((await ask()).status === 200 && Date.now() < end) await sleep(50)
    return (await ask()).status
  }

  for (const [what, end] of [
    [
      'the browser logs out',
      async ({ browser }) => {
        const start = await browser.fetch(`${world.kratos.publicUrl}/self-service/logout/browser`, {
          accept: 'json',
        })
        await browser.fetch(start.json<{ logout_url: string }>().logout_url)
      },
    ],
    [
      'an administrator ends the session',
      async ({ id }) => {
        await world.kratos.identities.disableSession({ id })
      },
    ],
    [
      'an administrator ends all sessions of the identity',
      async ({ person }) => {
        await world.kratos.identities.deleteIdentitySessions({ id: person.id })
      },
    ],
    [
      'the identity is made inactive',
      async ({ person }) => {
        const jsonPatch = [{ op: 'replace' as const, path: '/state', value: 'inactive' }]
        await world.kratos.identities.patchIdentity({ id: person.id, jsonPatch })
      },
    ],
    [
      'the identity is deleted',
      async ({ person }) => {
        await world.kratos.identities.deleteIdentity({ id: person.id })
      },
    ],
  ] as const satisfies readonly (readonly [
    string,
    (one: Awaited<ReturnType<typeof someone>>) => Promise<void>,
  ])[]) {
    test(`after ${what} the session is out once it is forgotten`, async () => {
      const one = await someone()
      assert.equal((await app(one.cookie)).status, 200)
      await end(one)
      assert.equal(await untilOut(() => app(one.cookie)), 401)
    })
  }

  test('one credential is sent, whatever else comes along (C1, J12): both together are 500 or somebody else to Kratos', async () => {
    const one = await someone()
    const token = await nativeLogin(world.kratos, user)
    const subject = (page: Awaited<ReturnType<typeof app>>) =>
      page.status === 200
        ? page.json<{ headers: Record<string, string> }>().headers['x-user-id']
        : page.status
    const broken = { authorization: `Bearer ${token}`, cookie: 'ory_kratos_session=garbage' }
    assert.equal(subject(await world.fetch('/api', { headers: broken })), user.id)
    const both = { 'x-session-token': token, cookie: one.cookie }
    assert.equal(subject(await world.fetch('/app', { headers: both })), one.person.id)
    assert.equal(subject(await world.fetch('/api', { headers: both })), user.id)
    const ended = { 'x-session-token': `${token}x`, cookie: one.cookie }
    assert.equal(subject(await world.fetch('/app', { headers: ended })), one.person.id)
    const pages = [await world.fetch('/app', { headers: both }), await world.fetch('/api', { headers: both })]
    assert.deepEqual(
      pages.map(({ setCookies }) => setCookies),
      [[], []],
    )
  })

  test('a native client comes in with its token in the header of its own, and is out after its logout', async () => {
    const token = await nativeLogin(world.kratos, user)
    const ask = () => world.fetch('/api', { headers: { 'x-session-token': token } })
    assert.equal((await ask()).status, 200)
    await world.kratos.frontend.performNativeLogout({ performNativeLogoutBody: { session_token: token } })
    assert.equal(await untilOut(ask), 401)
  })

  test('an extended session brings its new cookie to who asked, on that answer alone (C10)', async () => {
    const [one, other] = [await someone(), await someone()]
    assert.deepEqual((await app(one.cookie)).setCookies, [])
    await world.kratos.identities.extendSession({ id: one.id })
    await sleep(1_100)
    const asked = world.kratosProxy.count(WHOAMI)
    const pages = await Promise.all(
      [one, other, one, other, one].map(async ({ cookie, id }) => ({ id, page: await app(cookie) })),
    )
    assert.equal(world.kratosProxy.count(WHOAMI), asked + 2)
    const brought = pages.flatMap(({ id, page }) => page.setCookies.map(line => ({ id, line })))
    assert.ok(brought.length >= 1)
    assert.deepEqual(
      new Set(brought.map(({ id }) => id)),
      new Set([one.id]),
      'nobody gets the cookie of another',
    )
    assert.deepEqual((await app(one.cookie)).setCookies, [], 'what is remembered brings none')
    const [, value] =
      /^ory_kratos_session=([^;]+); .*Max-Age=\d+; HttpOnly; SameSite=Lax/.exec(brought[0]?.line ?? '') ?? []
    assert.ok(value !== undefined)
    const renewed = await app(`ory_kratos_session=${value}`)
    assert.equal(renewed.json<{ headers: Record<string, string> }>().headers['x-user-id'], one.person.id)
    assert.deepEqual(renewed.setCookies, [])
  })
})

describe('a Kratos that is not well', () => {
  let world: EnvoyEnvironment
  let cookie: string
  before(async () => {
    world = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'stand-in',
      listeners: {
        'as long as Envoy waits by itself': listener => listener.replace(/^ *timeout: 0\.5s.*\n/m, ''),
        'with retries': listener =>
          listener.replace(/^( *)timeout: 0\.5s.*\n/m, `$1timeout: 5s\n$1retry_policy: ${RETRIES}\n`),
      },
      editCredence: text => `${text}sessions: { cache: { ttl: 0s } }\n`,
    })
    const browser = createBrowser()
    await logIn(browser, world.kratos, await world.kratos.createUser())
    cookie = `ory_kratos_session=${browser.cookie('ory_kratos_session')}`
  })
  after(() => world.close())

  const knobs = (set: object) =>
    sendRequest(`${world.kratos.adminUrl}/__standin/knobs`, {
      method: 'POST',
      headers: {},
      body: JSON.stringify(set),
    })
  const status = async () => (await world.fetch('/app', { headers: { cookie } })).status

  for (const whoami of ['error_500', 'error_503', 'html_200'] as const) {
    test(`that answers ${whoami} means "could not find out": 503, never 401`, async () => {
      await knobs({ whoami })
      assert.equal(await status(), 503)
      await knobs({ whoami: 'normal' })
      assert.equal(await status(), 200)
    })
  }

  /** One that nobody has asked about: a look-up that hangs is shared until its own time is over. */
  const session = (n: number) => ({ cookie: `ory_kratos_session=hangs-${n}` })
  /** Envoy's own 503 and 403 have no body. */
  const isOurs = (page: Page) => {
    assert.equal(page.status, 503)
    assert.equal(page.headers.get('retry-after'), '1')
    assert.equal(page.json<{ error: { code: number } }>().error.code, 503)
  }

  test('that hangs is our 503, before the 200 ms that Envoy waits by itself are over (F12)', async () => {
    await knobs({ whoami: 'hang' })
    isOurs(await world.fetch('/app', { headers: session(1) }))
    // Fifteen milliseconds are not much on a machine that is busy with other tests: one of a few must be in time.
    const pages: Page[] = []
    while (pages.length < 10 && pages.at(-1)?.headers.get('retry-after') === undefined) {
      const headers = session(10 + pages.length)
      pages.push(await world.fetch('/app', { headers, listener: 'as long as Envoy waits by itself' }))
    }
    isOurs(pages.at(-1) as Page)
    await knobs({ whoami: 'normal' })
    assert.equal(await status(), 200, 'another session is not held up')
  })

  test('that hangs is not asked more often because Envoy would try again: one answer, one question', async () => {
    await knobs({ whoami: 'hang' })
    const before = world.kratosProxy.count(WHOAMI)
    const headers = { ...session(3), 'x-request-id': 'with-retries' }
    isOurs(await world.fetch('/app', { headers, listener: 'with retries' }))
    assert.equal(world.kratosProxy.count(WHOAMI), before + 1)
    const [record, ...more] = await world.waitForLogRecords('with-retries')
    assert.deepEqual([record?.status, record?.rule, more.length], [503, 'app', 0])
    await knobs({ whoami: 'normal' })
  })

  test('that hangs is one question for all who ask about one session at once, and nobody is let in or sent away', async () => {
    await knobs({ whoami: 'hang' })
    const before = world.kratosProxy.count(WHOAMI)
    const pages = await Promise.all(
      Array.from({ length: 10 }, () =>
        world.fetch('/app', { headers: session(4), listener: 'with retries' }),
      ),
    )
    for (const page of pages) assert.equal(page.status, 503)
    // On a machine that is busy with other tests Envoy may be faster for some of them.
    isOurs(pages.find(page => page.headers.has('retry-after')) as Page)
    assert.equal(world.kratosProxy.count(WHOAMI), before + 1)
    await knobs({ whoami: 'normal' })
  })

  test('that is gone is 503', async () => {
    await world.kratos.process?.stop()
    const page = await world.fetch('/app', { headers: { cookie } })
    assert.equal(page.status, 503)
    assert.match(page.headers.get('content-type') ?? '', /^application\/json/)
  })
})
