/** The part of the tour about sessions: caching, the second factor, revocation, and an outage of Kratos. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Browser,
  createBrowser,
  enrollBackupCodes,
  logIn,
  nativeLogin,
  type Page,
  sendRequest,
  submitFlowForm,
} from '../browser.ts'
import type { DemoEnvironment } from '../environment.ts'
import type { TourReporter } from './reporter.ts'

const WHOAMI = '/sessions/whoami'
const COOKIE = 'ory_kratos_session'

const fetchAdmin = ({ origin }: DemoEnvironment, browser: Browser): Promise<Page> =>
  browser.fetch(`${origin}/admin`, { accept: 'json' })

/** Creates a session that Credence has not cached. */
async function newSession({ kratos, user }: DemoEnvironment): Promise<Browser> {
  const browser = createBrowser()
  await logIn(browser, kratos, user)
  return browser
}

export async function showCachedSession(environment: DemoEnvironment, reporter: TourReporter): Promise<void> {
  reporter.heading('A hundred requests with one session')
  const browser = await newSession(environment)
  const before = environment.kratosProxy.count(WHOAMI)
  reporter.command(`100 times, 10 at once: curl -b ${COOKIE}=… ${environment.origin}/admin`)
  const statuses = new Set<number>()
  const tenRequests = async () => {
    for (let i = 0; i < 10; i++) statuses.add((await fetchAdmin(environment, browser)).status)
  }
  await Promise.all(Array.from({ length: 10 }, tenRequests))
  const kratosCalls = environment.kratosProxy.count(WHOAMI) - before
  reporter.output(`${[...statuses].join(', ')}; calls to Kratos: ${kratosCalls}`)
  reporter.check(
    statuses.size === 1 && statuses.has(200) && kratosCalls === 1,
    'a hundred requests cause one call to Kratos',
  )
}

export async function showSecondFactor(
  environment: DemoEnvironment,
  reporter: TourReporter,
  browser: Browser,
): Promise<void> {
  const { origin, kratos, user } = environment
  reporter.heading('A page that requires a second factor')
  reporter.command(`open ${origin}/vault in the browser`)
  const none = await browser.navigate(`${origin}/vault`)
  reporter.output(`${none.status} ${/<p>(.*?)<\/p>/.exec(none.body)?.[1] ?? ''}`)
  reporter.check(
    none.status === 403 && none.visited.length === 1 && none.body.includes('/self-service/settings/browser'),
    'a user without a second factor is asked to set one up',
  )

  const codes = await enrollBackupCodes(kratos, await nativeLogin(kratos, user))
  reporter.command(`set up backup codes at Kratos, then open ${origin}/vault again`)
  const form = await browser.navigate(`${origin}/vault`)
  reporter.output(`→ ${(form.visited[1] ?? '').replace(/.*(?=\/self-service)/, '')}`)
  const flow = new URL(form.visited.at(-1) ?? origin).searchParams.get('flow') ?? ''
  reporter.check(
    form.visited[1]?.includes('?aal=aal2&return_to=') === true && flow !== '',
    'the browser is redirected to the second factor',
  )
  const done = await submitFlowForm(browser, kratos, flow, {
    method: 'lookup_secret',
    lookup_secret: codes[0] ?? '',
  })
  reporter.output(`backup code ${codes[0]}: ${done.status} → ${done.headers.get('location')}`)
  const page = await browser.fetch(`${origin}/vault`)
  reporter.check(
    done.headers.get('location') === `${origin}/vault` &&
      page.status === 200 &&
      page.body.includes(user.email),
    'and returns to the page',
  )
  const other = await newSession(environment)
  const refused = await other.fetch(`${origin}/vault`, { accept: 'json' })
  const passed = await fetchAdmin(environment, other)
  reporter.output(`a session with the password only: ${refused.status} at /vault, ${passed.status} at /admin`)
  reporter.check(
    refused.status === 403 && passed.status === 200,
    'the password only is 403 at /vault and sufficient at /admin',
  )
  environment.backupCodes.push(...codes.slice(1))
}

export async function showRevocation(environment: DemoEnvironment, reporter: TourReporter): Promise<void> {
  const { kratos, revocations } = environment
  reporter.heading('Revoke a session')
  const browser = await newSession(environment)
  const before = await fetchAdmin(environment, browser)
  const headers = { cookie: `${COOKIE}=${browser.cookie(COOKIE)}` }
  const { id } = (await sendRequest(`${kratos.publicUrl}${WHOAMI}`, { method: 'GET', headers })).json<{
    id: string
  }>()
  await kratos.identities.disableSession({ id })
  reporter.command(`curl -X DELETE ${kratos.adminUrl}/admin/sessions/…`)
  reporter.command(`curl -X POST -H 'X-Revocation-Key: …' -d '{"session_id":"…"}' ${revocations.url}`)
  const revocation = await sendRequest(revocations.url, {
    method: 'POST',
    headers: { 'x-revocation-key': revocations.key, 'content-type': 'application/json' },
    body: JSON.stringify({ session_id: id }),
  })
  const after = await fetchAdmin(environment, browser)
  reporter.output(`before ${before.status}, revocation ${revocation.status}, next request ${after.status}`)
  reporter.check(
    before.status === 200 && revocation.status === 204 && after.status === 401,
    'the next request is denied',
  )
}

export async function showKratosOutage(environment: DemoEnvironment, reporter: TourReporter): Promise<void> {
  reporter.heading('An outage of Kratos')
  const [cached, uncached] = [await newSession(environment), await newSession(environment)]
  const before = await fetchAdmin(environment, cached)
  reporter.command('cut the connection between Credence and Kratos for longer than sessions.cache.ttl (5s)')
  environment.kratosProxy.disconnect()
  try {
    await sleep(6_000)
    const cachedResponse = await fetchAdmin(environment, cached)
    reporter.output(`a cached session: before ${before.status}, now ${cachedResponse.status}`)
    reporter.check(
      before.status === 200 && cachedResponse.status === 200,
      'a cached session keeps working (sessions.cache.stale_if_error)',
    )
    const uncachedResponse = await fetchAdmin(environment, uncached)
    reporter.output(
      `an uncached session: ${uncachedResponse.status}, retry-after ${uncachedResponse.headers.get('retry-after')}`,
    )
    reporter.check(
      uncachedResponse.status === 503,
      'an uncached session is 503, neither allowed nor rejected as logged out',
    )
    const page = await uncached.fetch(`${environment.origin}/admin`)
    reporter.check(page.status === 503, 'a browser is not redirected to the login')
  } finally {
    environment.kratosProxy.reconnect()
  }
  const deadline = performance.now() + 20_000
  while ((await fetchAdmin(environment, uncached)).status !== 200 && performance.now() < deadline)
    await sleep(200)
  const afterwards = await fetchAdmin(environment, uncached)
  reporter.output(`the connection is restored: ${afterwards.status}`)
  reporter.check(afterwards.status === 200, 'requests succeed as soon as Kratos responds')
}
