import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decide } from '../../../src/access/decide.ts'
import type { Decision } from '../../../src/access/decision.ts'
import { loadConfig } from '../../../src/app/config.ts'
import { compileRuleSet, UNTRACED } from '../../../src/app/ruleset.ts'
import { createServices } from '../../../src/app/services.ts'
import { createHttpClient } from '../../../src/clients/http/client.ts'
import { HANDLERS } from '../../../src/handlers/registry.ts'
import { millis, plusMillis } from '../../../src/lib/time.ts'
import { parseRules } from '../../../src/rules/parse.ts'
import { fakeClock } from '../../support/clock.ts'
import { startHttpHost } from '../../support/http_host.ts'
import { SESSION_ID, sessionDocument } from '../../support/kratos.ts'
import { requestWith } from '../../support/request.ts'
import { UNAUTHORIZED } from '../../support/session_harness.ts'

/** Rules, handlers, cache and HTTP calls as in the service, with a Kratos that fails as the test decides. */

type Failure = (response: ServerResponse) => void
interface Kratos {
  /** How whoami fails; absent: it works. */
  failure: Failure | undefined
  adminStatus: number
  readonly calls: string[]
}

const LIVING = new Set(['ory_kratos_session=known', 'ory_kratos_session=new', 'ory_kratos_session=canary'])
const answerUnauthorized = (response: ServerResponse) => void response.writeHead(401).end(UNAUTHORIZED.body)

async function createHarness(t: TestContext, { settings = '', when = '' } = {}) {
  const kratos: Kratos = { failure: undefined, adminStatus: 200, calls: [] }
  const host = await startHttpHost((request, response) => {
    const path = (request.url ?? '').split('?')[0] as string
    kratos.calls.push(path)
    if (path === '/health/ready') return void response.end('{"status":"ok"}')
    if (path.startsWith('/admin/')) {
      return void response.writeHead(kratos.adminStatus).end(JSON.stringify(sessionDocument()))
    }
    if (kratos.failure !== undefined) return kratos.failure(response)
    if (!LIVING.has(request.headers.cookie ?? '')) return answerUnauthorized(response)
    return void response.end(JSON.stringify(sessionDocument()))
  })
  t.after(() => host.close())
  const clock = fakeClock()
  const http = createHttpClient({ clock })
  t.after(() => http.close())
  const text = `
authenticators: { cookie_session: { enabled: true, config: { check_session_url: "${host.url}/sessions/whoami", only: [ory_kratos_session] } } }
authorizers: { allow: { enabled: true } }
mutators: { noop: { enabled: true } }
errors: { handlers: { redirect: { enabled: true, config: { to: "https://auth.example.com/login"${when} } } } }
sessions:
  timeout: 1s
${settings.replaceAll('KRATOS', host.url).replace('LOCALHOST:PORT', new URL(host.url).host)}
`
  const { config, issues } = loadConfig(
    { files: [{ source: 'c.yaml', text }], env: {}, flags: new Map() },
    HANDLERS,
  )
  assert.ok(config !== undefined, JSON.stringify(issues))
  const { services } = createServices({
    config,
    send: http.send,
    fetch: http.send,
    clock,
    onKeyProblem: () => {},
  })
  const rules = parseRules(
    `[{ id: app, match: { url: "<.*>", methods: [GET] }, authenticators: [{ handler: cookie_session }], authorizer: { handler: allow }, mutators: [{ handler: noop }], errors: [{ handler: redirect }] }]`,
    'r.yaml',
  ).rules
  const { snapshot } = await compileRuleSet(config, rules ?? [], services, UNTRACED, '')
  assert.ok(snapshot !== undefined)
  const ask = async (session: string, patience = 10_000): Promise<Decision> => {
    const request = requestWith([['cookie', `ory_kratos_session=${session}`]], {
      deadline: plusMillis(clock.now(), millis(patience)),
    })
    return decide(snapshot, request)
  }
  return { kratos, clock, ask, url: host.url }
}

const statusOf = (decision: Decision) => (decision.kind === 'allow' ? 200 : decision.status)

/** 503 with Retry-After and without a redirect to the login. */
function assertCouldNotFindOut(decision: Decision): void {
  assert.equal(statusOf(decision), 503)
  const headers = decision.kind === 'deny' ? decision.headers : []
  assert.ok(headers.some(({ name, value }) => name === 'retry-after' && Number(value) >= 1))
  assert.ok(!headers.some(({ name }) => name === 'location'))
}

const drip: Failure = response => {
  response.writeHead(200, { 'content-length': 5_000 })
  const timer = setInterval(() => response.write(' '), 5)
  response.on('close', () => clearInterval(timer))
}

for (const when of ['', ', when: [{ error: [unauthorized, forbidden] }]'] as const) {
  for (const [what, sickness] of [
    ['hangs', () => {}],
    ['answers 200 with a page of HTML', response => void response.end('<html>login</html>')],
    ['drips', drip],
    ['resets connections', response => void response.destroy()],
    ['says 401 after its time', response => void setTimeout(() => answerUnauthorized(response), 600)],
    ['answers 500', response => void response.writeHead(500).end('{}')],
    ['redirects', response => void response.writeHead(302, { location: '/login' }).end()],
  ] satisfies readonly (readonly [string, Failure])[]) {
    test(`Kratos that ${what}: 503 for live and unknown sessions, never 401 and never the login${when}`, async t => {
      const { kratos, clock, ask } = await createHarness(t, { when })
      assert.equal(statusOf(await ask('known')), 200)
      kratos.failure = sickness
      assert.equal(statusOf(await ask('known')), 200, 'cached')
      clock.advance(61_000)
      assertCouldNotFindOut(await ask('known', 150))
      assertCouldNotFindOut(await ask('new', 150))
      kratos.failure = undefined
      // Requests share the call in flight until it ends, and the negative cache keeps a rejection for a second.
      for (let tries = 0; tries < 50 && statusOf(await ask('new')) !== 200; tries++) {
        clock.advance(1_000)
        await sleep(50)
      }
      assert.equal(statusOf(await ask('new')), 200)
      assert.equal(statusOf(await ask('nobody')), 302)
    })
  }
}

test('database down, whoami 401, readiness 200: the admin API shows the outage, and nobody is sent to the login', async t => {
  const { kratos, clock, ask, url } = await createHarness(t, {
    settings: '  outage_detection: { admin_url: "KRATOS" }',
  })
  assert.equal(statusOf(await ask('known')), 200)
  kratos.failure = answerUnauthorized
  kratos.adminStatus = 500
  assert.equal((await fetch(`${url}/health/ready`)).status, 200)
  assert.equal(statusOf(await ask('known')), 200)
  clock.advance(61_000)
  assertCouldNotFindOut(await ask('known'))
  assertCouldNotFindOut(await ask('new'))
  kratos.failure = undefined
  kratos.adminStatus = 200
  assert.equal(statusOf(await ask('known')), 200)
  assert.equal(statusOf(await ask('nobody')), 302)
  assert.ok(kratos.calls.includes(`/admin/sessions/${SESSION_ID}`))
})

for (const [what, setting, asked] of [
  ['this Kratos, in another spelling', 'HTTP://LOCALHOST:PORT/sessions/whoami', true],
  ['another Kratos', 'http://another:4433/sessions/whoami', false],
] as const) {
  test(`an admin API configured for ${what} is ${asked ? '' : 'not '}called`, async t => {
    const { kratos, clock, ask } = await createHarness(t, {
      settings: `  outage_detection: { admin_url: "KRATOS", whoami_url: "${setting}" }`,
    })
    await ask('known')
    clock.advance(61_000)
    kratos.failure = answerUnauthorized
    kratos.adminStatus = 500
    assert.equal(statusOf(await ask('known')), asked ? 503 : 302)
    assert.equal(
      kratos.calls.some(path => path.startsWith('/admin')),
      asked,
    )
  })
}

test('database down: a canary shows the outage without the admin API', async t => {
  const { kratos, clock, ask } = await createHarness(t, {
    settings: '  outage_detection: { canary_session: "ory_kratos_session=canary" }',
  })
  assert.equal(statusOf(await ask('known')), 200)
  // The first live session triggers the first canary call.
  while (kratos.calls.length < 2) await sleep(5)
  await sleep(50)
  clock.advance(61_000)
  kratos.failure = answerUnauthorized
  assertCouldNotFindOut(await ask('known'))
  assertCouldNotFindOut(await ask('new'))
  assert.ok(!kratos.calls.some(path => path.startsWith('/admin')))
})

test('database down without a probe: after the burst nobody is sent to the login', async t => {
  const { kratos, clock, ask } = await createHarness(t, { settings: '  outage_detection: { burst: 1 }' })
  assert.equal(statusOf(await ask('known')), 200)
  clock.advance(61_000)
  kratos.failure = answerUnauthorized
  assertCouldNotFindOut(await ask('known'))
  assertCouldNotFindOut(await ask('new'))
  clock.advance(60_000)
  assert.equal(statusOf(await ask('known')), 302, 'trusted after the maximum duration')
})

test('a hanging Kratos does not affect cached sessions, and stale ones stay usable', async t => {
  const { kratos, clock, ask } = await createHarness(t, {
    settings: '  cache: { stale_if_error: 10m }\n  max_concurrent_requests: 4\n  max_pending_requests: 10',
  })
  await ask('known')
  kratos.failure = () => {}
  const others = Array.from({ length: 40 }, (_, i) => ask(`other${i}`, 150))
  for (let i = 0; i < 100; i++) assert.equal(statusOf(await ask('known')), 200)
  for (const decision of await Promise.all(others)) assertCouldNotFindOut(decision)
  clock.advance(61_000)
  const grace = await ask('known', 150)
  assert.equal(statusOf(grace), 200)
  assert.equal(grace.metadata.annotations.cache, 'stale')
})

test('the cache result of a denial is recorded, too', async t => {
  const { ask } = await createHarness(t)
  assert.equal((await ask('nobody')).metadata.annotations.cache, 'miss')
  assert.equal((await ask('nobody')).metadata.annotations.cache, 'negative')
})
