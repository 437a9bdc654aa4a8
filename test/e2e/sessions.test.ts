/** test/e2e/sessions — Kratos sessions through a real Envoy: remembered, ended, unknown, and Kratos out of reach. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createBrowser, logIn, nativeLogin, send } from '../../demo/browser.ts'
import type { User } from '../../demo/kratos.ts'
import { openWorld, type World } from './support/world.ts'

const rule = (id: string, path: string, authenticator: string): string => `
- id: ${id}
  match: { url: "<https?>://<[^/]+>${path}", methods: [GET] }
  authenticators: [ { handler: ${authenticator} } ]
  authorizer: { handler: allow }
  mutators: [ { handler: header, config: { headers: { X-User-Id: "{{ print .Subject }}" } } } ]
`
const RULES = rule('app', '/app', 'cookie_session') + rule('api', '/api', 'bearer_token')
const WHOAMI = '/sessions/whoami'

/** As many tests as can be on whatever Kratos is at hand; what needs a sick one is on the stand-in below. */
describe('sessions of a Kratos', () => {
  let world: World
  let user: User
  before(async () => {
    world = await openWorld({
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
  const app = (cookie: string) => world.ask('/app', { headers: { cookie } })

  test('a session lets in with its identity, and the second request costs Kratos nothing', async () => {
    const cookie = await sessionCookie()
    const first = await app(cookie)
    assert.equal(first.status, 200, first.body)
    assert.equal(first.json<{ headers: Record<string, string> }>().headers['x-user-id'], user.id)
    const before = world.calls.count(WHOAMI)
    assert.equal((await app(`analytics=1; ${cookie}`)).status, 200)
    assert.equal(world.calls.count(WHOAMI), before)
  })

  test('twenty requests at once with one new session are one question', async () => {
    const cookie = await sessionCookie()
    const before = world.calls.count(WHOAMI)
    const pages = await Promise.all(Array.from({ length: 20 }, () => app(cookie)))
    assert.deepEqual(new Set(pages.map(page => page.status)), new Set([200]))
    assert.equal(world.calls.count(WHOAMI), before + 1)
  })

  test('a session token works as Bearer', async () => {
    const token = await nativeLogin(world.kratos, user)
    const page = await world.ask('/api', { headers: { authorization: `Bearer ${token}` } })
    assert.equal(page.status, 200, page.body)
    assert.equal((await world.ask('/api', { headers: { authorization: `Bearer ${token}x` } })).status, 401)
  })

  test('without a cookie Kratos is not asked; about a bad one it is asked once a moment', async () => {
    const before = world.calls.count(WHOAMI)
    assert.equal((await world.ask('/app')).status, 401)
    assert.equal(world.calls.count(WHOAMI), before)
    assert.equal((await app('ory_kratos_session=garbage')).status, 401)
    assert.equal((await app('ory_kratos_session=garbage')).status, 401)
    assert.equal(world.calls.count(WHOAMI), before + 1)
    await new Promise(resolve => setTimeout(resolve, 1_100))
    assert.equal((await app('ory_kratos_session=garbage')).status, 401)
    assert.equal(world.calls.count(WHOAMI), before + 2)
  })

  test('an ended session is out once it is forgotten', async () => {
    const cookie = await sessionCookie()
    const page = await send(`${world.kratos.publicUrl}${WHOAMI}`, { method: 'GET', headers: { cookie } })
    assert.equal((await app(cookie)).status, 200)
    await world.kratos.identities.disableSession({ id: page.json<{ id: string }>().id })
    const end = Date.now() + 5_000
    while ((await app(cookie)).status === 200 && Date.now() < end)
      await new Promise(resolve => setTimeout(resolve, 50))
    assert.equal((await app(cookie)).status, 401)
  })
})

describe('a Kratos that is not well', () => {
  let world: World
  let cookie: string
  before(async () => {
    world = await openWorld({
      rules: RULES,
      kratos: 'stand-in',
      editCredence: text => `${text}sessions: { cache: { ttl: 0s } }\n`,
    })
    const browser = createBrowser()
    await logIn(browser, world.kratos, await world.kratos.createUser())
    cookie = `ory_kratos_session=${browser.cookie('ory_kratos_session')}`
  })
  after(() => world.close())

  const knobs = (set: object) =>
    send(`${world.kratos.adminUrl}/__standin/knobs`, {
      method: 'POST',
      headers: {},
      body: JSON.stringify(set),
    })
  const status = async () => (await world.ask('/app', { headers: { cookie } })).status

  for (const whoami of ['error_500', 'error_503', 'html_200'] as const) {
    test(`that answers ${whoami} means "could not find out": 503, never 401`, async () => {
      await knobs({ whoami })
      assert.equal(await status(), 503)
      await knobs({ whoami: 'normal' })
      assert.equal(await status(), 200)
    })
  }

  test('that does not answer in time is 503, and Envoy says so in its own time', async () => {
    await knobs({ whoami: 'hang' })
    assert.equal(await status(), 503)
    await knobs({ whoami: 'normal' })
  })

  test('that is gone is 503', async () => {
    await world.kratos.process?.stop()
    const page = await world.ask('/app', { headers: { cookie } })
    assert.equal(page.status, 503)
    assert.match(page.headers.get('content-type') ?? '', /^application\/json/)
  })
})
