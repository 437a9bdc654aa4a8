/** demo/tour_sessions — the part of the tour about sessions: remembered, ended by news, asked for more, and Kratos out of reach. */
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
} from './browser.ts'
import type { DemoEnvironment } from './environment.ts'
import type { TourReporter } from './tour_report.ts'

const WHOAMI = '/sessions/whoami'
const COOKIE = 'ory_kratos_session'

const fetchAdmin = ({ origin }: DemoEnvironment, browser: Browser): Promise<Page> =>
  browser.fetch(`${origin}/admin`, { accept: 'json' })

/** A session that Credence has not seen yet. */
async function newSession({ kratos, user }: DemoEnvironment): Promise<Browser> {
  const browser = createBrowser()
  await logIn(browser, kratos, user)
  return browser
}

export async function showCachedSession(environment: DemoEnvironment, reporter: TourReporter): Promise<void> {
  reporter.heading('A hundred requests with one new session')
  const browser = await newSession(environment)
  const before = environment.kratosProxy.count(WHOAMI)
  reporter.command(`a hundred times, ten at once: curl -b ${COOKIE}=… ${environment.origin}/admin`)
  const statuses = new Set<number>()
  const tenRequests = async () => {
    for (let i = 0; i < 10; i++) statuses.add((await fetchAdmin(environment, browser)).status)
  }
  await Promise.all(Array.from({ length: 10 }, tenRequests))
  const kratosCalls = environment.kratosProxy.count(WHOAMI) - before
  reporter.output(`${[...statuses].join(', ')}; calls to Kratos: ${kratosCalls}`)
  reporter.check(
    statuses.size === 1 && statuses.has(200) && kratosCalls === 1,
    'a hundred requests cost Kratos one call',
  )
}

export async function showSecondFactor(
  environment: DemoEnvironment,
  reporter: TourReporter,
  browser: Browser,
): Promise<void> {
  const { origin, kratos, user } = environment
  reporter.heading('One page wants a second factor')
  reporter.command(`the browser opens ${origin}/vault`)
  const none = await browser.navigate(`${origin}/vault`)
  reporter.output(`${none.status} ${/<p>(.*?)<\/p>/.exec(none.body)?.[1] ?? ''}`)
  reporter.check(
    none.status === 403 && none.visited.length === 1 && none.body.includes('/self-service/settings/browser'),
    'who has none is told to set one up',
  )

  const codes = await enrollBackupCodes(kratos, await nativeLogin(kratos, user))
  reporter.command(`backup codes are set up (elsewhere); again ${origin}/vault`)
  const form = await browser.navigate(`${origin}/vault`)
  reporter.output(`→ ${(form.visited[1] ?? '').replace(/.*(?=\/self-service)/, '')}`)
  const flow = new URL(form.visited.at(-1) ?? origin).searchParams.get('flow') ?? ''
  reporter.check(
    form.visited[1]?.includes('?aal=aal2&return_to=') === true && flow !== '',
    'a browser is sent to its second factor',
  )
  const done = await submitFlowForm(browser, kratos, flow, {
    method: 'lookup_secret',
    lookup_secret: codes[0] ?? '',
  })
  reporter.output(`the code ${codes[0]}: ${done.status} → ${done.headers.get('location')}`)
  const page = await browser.fetch(`${origin}/vault`)
  reporter.check(
    done.headers.get('location') === `${origin}/vault` &&
      page.status === 200 &&
      page.body.includes(user.email),
    'and comes back to the page',
  )
  const other = await newSession(environment)
  const refused = await other.fetch(`${origin}/vault`, { accept: 'json' })
  const passed = await fetchAdmin(environment, other)
  reporter.output(`a session with the password alone: ${refused.status} there, ${passed.status} at /admin`)
  reporter.check(
    refused.status === 403 && passed.status === 200,
    'the password alone is 403 there, and enough elsewhere',
  )
  environment.backupCodes.push(...codes.slice(1))
}

export async function showRevocation(environment: DemoEnvironment, reporter: TourReporter): Promise<void> {
  const { kratos, revocations } = environment
  reporter.heading('An administrator ends a session')
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
  reporter.output(`before ${before.status}, news ${revocation.status}, next request ${after.status}`)
  reporter.check(
    before.status === 200 && revocation.status === 204 && after.status === 401,
    'the next request is out',
  )
}

export async function showKratosOutage(environment: DemoEnvironment, reporter: TourReporter): Promise<void> {
  reporter.heading('Kratos cannot be reached')
  const [cached, uncached] = [await newSession(environment), await newSession(environment)]
  const before = await fetchAdmin(environment, cached)
  reporter.command(
    'the line between Credence and Kratos is cut, for longer than the 5s of sessions.cache.ttl',
  )
  environment.kratosProxy.disconnect()
  try {
    await sleep(6_000)
    const cachedAnswer = await fetchAdmin(environment, cached)
    reporter.output(`who was in before: ${before.status}, now ${cachedAnswer.status}`)
    reporter.check(
      before.status === 200 && cachedAnswer.status === 200,
      'who was logged in works on (sessions.cache.stale_if_error)',
    )
    const uncachedAnswer = await fetchAdmin(environment, uncached)
    reporter.output(
      `a session that nobody has seen yet: ${uncachedAnswer.status}, retry-after ${uncachedAnswer.headers.get('retry-after')}`,
    )
    reporter.check(
      uncachedAnswer.status === 503,
      'nobody new gets in, and nobody is told that he is not logged in',
    )
    const page = await uncached.fetch(`${environment.origin}/admin`)
    reporter.check(page.status === 503, 'a browser is not sent to log in')
  } finally {
    environment.kratosProxy.reconnect()
  }
  const deadline = performance.now() + 20_000
  while ((await fetchAdmin(environment, uncached)).status !== 200 && performance.now() < deadline)
    await sleep(200)
  const afterwards = await fetchAdmin(environment, uncached)
  reporter.output(`the line is there again: ${afterwards.status}`)
  reporter.check(afterwards.status === 200, 'and all is well once Kratos answers')
}
