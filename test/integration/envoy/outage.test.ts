/** test/e2e/outage — a Kratos whose database is sick, through a real Envoy and a rule that redirects to the login: nobody is sent there. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrowser, logIn, sendRequest } from '../../../demo/browser.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/world.ts'

const RULES = `
- id: app
  match: { url: "<https?>://<[^/]+>/app", methods: [GET] }
  authenticators: [ { handler: cookie_session } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
  errors: [ { handler: redirect } ]
`

describe('a Kratos that says 401 to everybody because its database is sick', () => {
  let world: EnvoyEnvironment
  let cookie: string
  before(async () => {
    world = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'stand-in',
      editCredence: (text, ports) =>
        `${text}sessions: { cache: { ttl: 1s }, doubt: { admin_url: "http://127.0.0.1:${ports.kratosAdmin}" } }\n`,
    })
    const browser = createBrowser()
    await logIn(browser, world.kratos, await world.kratos.createUser())
    cookie = `ory_kratos_session=${browser.cookie('ory_kratos_session')}`
  })
  after(() => world.close())

  const database = (health: 'up' | 'queries_fail') =>
    sendRequest(`${world.kratos.adminUrl}/__standin/knobs`, {
      method: 'POST',
      headers: {},
      body: JSON.stringify({ database: health }),
    })
  const app = (sent: string) => world.fetch('/app', { headers: { cookie: sent }, accept: 'html' })
  /** Asks on until the answer is another one, as somebody does who keeps working. */
  const after200 = async () => {
    const end = Date.now() + 10_000
    let page = await app(cookie)
    while (page.status === 200 && Date.now() < end) {
      await sleep(50)
      page = await app(cookie)
    }
    return page
  }

  test('is 503 with a time to come again for whoever was in, and for whoever comes', async () => {
    assert.equal((await app(cookie)).status, 200)
    await database('queries_fail')
    const whoami = await sendRequest(`${world.kratos.publicUrl}/sessions/whoami`, {
      method: 'GET',
      headers: { cookie },
    })
    assert.equal(whoami.status, 401)
    const ready = await sendRequest(`${world.kratos.publicUrl}/health/ready`, { method: 'GET', headers: {} })
    assert.equal(ready.status, 200)
    const page = await after200()
    assert.equal(page.status, 503)
    assert.ok(Number(page.headers.get('retry-after')) >= 1)
    assert.equal((await app('ory_kratos_session=another')).status, 503)
  })

  test('and when it is well again, the session is in and the login is for others', async () => {
    await database('up')
    const end = Date.now() + 10_000
    while ((await app(cookie)).status !== 200 && Date.now() < end) await sleep(100)
    assert.equal((await app(cookie)).status, 200)
    assert.equal((await app('ory_kratos_session=another')).status, 302)
  })
})
