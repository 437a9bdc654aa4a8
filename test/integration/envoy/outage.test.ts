/** Tests that an outage of Kratos' database leads to 503 and never to a redirect to the login. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sendRequest } from '../../../demo/browser.ts'
import { logInForCookie } from '../../support/session_cookie.ts'
import { waitUntil } from '../../support/wait_until.ts'
import { type EnvoyEnvironment, startEnvoyEnvironment } from './support/environment.ts'

const RULES = `
- id: app
  match: { url: "<https?>://<[^/]+>/app", methods: [GET] }
  authenticators: [ { handler: cookie_session } ]
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
  errors: [ { handler: redirect } ]
`

describe('a Kratos that responds with 401 to every session because its database fails', () => {
  let environment: EnvoyEnvironment
  let cookie: string
  before(async () => {
    environment = await startEnvoyEnvironment({
      rules: RULES,
      kratos: 'stand-in',
      editCredence: (text, ports) =>
        `${text}sessions: { cache: { ttl: 1s }, outage_detection: { admin_url: "http://127.0.0.1:${ports.kratosAdmin}" } }\n`,
    })
    cookie = await logInForCookie(environment.kratos, await environment.kratos.createUser())
  })
  after(() => environment.close())

  const setDatabase = (health: 'up' | 'queries_fail') =>
    sendRequest(`${environment.kratos.adminUrl}/__standin/knobs`, {
      method: 'POST',
      headers: {},
      body: JSON.stringify({ database: health }),
    })
  const fetchApp = (sent: string) => environment.fetch('/app', { headers: { cookie: sent }, accept: 'html' })
  /** Repeats the request until it is no longer 200, as a user does who keeps working. */
  const waitForDenial = async () => {
    let page = await fetchApp(cookie)
    await waitUntil('the session is no longer cached', async () => {
      page = await fetchApp(cookie)
      return page.status !== 200
    })
    return page
  }

  test('is 503 with Retry-After, for a cached session and for an unknown one', async () => {
    assert.equal((await fetchApp(cookie)).status, 200)
    await setDatabase('queries_fail')
    const whoami = await sendRequest(`${environment.kratos.publicUrl}/sessions/whoami`, {
      method: 'GET',
      headers: { cookie },
    })
    assert.equal(whoami.status, 401)
    const ready = await sendRequest(`${environment.kratos.publicUrl}/health/ready`, {
      method: 'GET',
      headers: {},
    })
    assert.equal(ready.status, 200)
    const page = await waitForDenial()
    assert.equal(page.status, 503)
    assert.ok(Number(page.headers.get('retry-after')) >= 1)
    assert.equal((await fetchApp('ory_kratos_session=another')).status, 503)
  })

  test('is no longer 503 after the outage: the session is allowed, an unknown one is redirected', async () => {
    await setDatabase('up')
    await waitUntil('the session is allowed', async () => (await fetchApp(cookie)).status === 200)
    assert.equal((await fetchApp('ory_kratos_session=another')).status, 302)
  })
})
