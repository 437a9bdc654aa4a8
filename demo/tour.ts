/** demo/tour — walks through what the demo shows, live, and checks each step. Knows the outside of the house only. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, createBrowser, type Page, sendRequest, submitLoginForm } from './browser.ts'
import type { DemoEnvironment } from './environment.ts'
import type { ReceivedRequest } from './page.ts'
import type { TourReporter } from './tour_report.ts'
import { showCachedSession, showKratosOutage, showRevocation, showSecondFactor } from './tour_sessions.ts'

const COOKIE = 'ory_kratos_session'

export async function runTour(environment: DemoEnvironment, reporter: TourReporter): Promise<void> {
  await showAnonymousAccess(environment, reporter)
  const browser = await showLogin(environment, reporter)
  await showCachedSession(environment, reporter)
  await showForgedHeaders(environment, reporter, browser)
  await showTutorialRules(environment, reporter, browser)
  await showSecondFactor(environment, reporter, browser)
  await showLogout(environment, reporter, browser)
  await showRevocation(environment, reporter)
  await showKratosOutage(environment, reporter)
}

const curl = (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> =>
  sendRequest(url, { method: 'GET', headers: { accept: '*/*', ...headers } })

/** The echo's answer; anything else is shown as it is. */
function parseEcho(page: Page): ReceivedRequest | undefined {
  return page.status === 200 ? page.json<ReceivedRequest>() : undefined
}

const singleLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 200)

async function showAnonymousAccess(
  { origin, kratos }: DemoEnvironment,
  reporter: TourReporter,
): Promise<void> {
  reporter.heading('Nobody is logged in')
  reporter.command(`curl ${origin}/admin`)
  const refused = await curl(`${origin}/admin`)
  reporter.output(`${refused.status} ${singleLine(refused.body)}`)
  const json = refused.headers.get('content-type')?.startsWith('application/json') === true
  reporter.check(
    refused.status === 401 && json && /"code":401/.test(refused.body),
    'a program is refused with JSON',
  )

  reporter.command(`a browser opens ${origin}/admin`)
  const sent = await createBrowser().fetch(`${origin}/admin`)
  const location = sent.headers.get('location') ?? ''
  reporter.output(`${sent.status} → ${location}`)
  const returnTo = encodeURIComponent(`${origin}/admin`)
  const login = location.startsWith(`${kratos.publicUrl}/self-service/login/browser?`)
  reporter.check(
    sent.status === 302 && login && location.includes(`return_to=${returnTo}`),
    'a browser is sent to log in',
  )
}

async function showLogin(
  { origin, kratos, user, upstream }: DemoEnvironment,
  reporter: TourReporter,
): Promise<Browser> {
  reporter.heading('A person logs in')
  const browser = createBrowser()
  const form = await browser.navigate(`${origin}/admin`)
  const flow = new URL(form.visited.at(-1) ?? origin).searchParams.get('flow')
  reporter.check(flow !== null && form.status === 200, 'the redirect ends at a login page')
  if (flow === null) throw new Error(`Kratos did not show a login page but ${form.visited.at(-1)}`)

  reporter.command(`fills in ${user.email} and ${user.password}`)
  const done = await submitLoginForm(browser, kratos, flow, user)
  reporter.output(`${done.status} → ${done.headers.get('location')}`)
  reporter.check(
    done.headers.get('location') === `${origin}/admin`,
    'Kratos sends the browser back to the page',
  )

  const page = await browser.fetch(`${origin}/admin`)
  const received = upstream.receivedRequests.at(-1)
  reporter.output(`${page.status}, and the application saw x-user-id: ${received?.headers['x-user-id']}`)
  reporter.check(page.status === 200 && page.body.includes(user.email), 'the admin page is there')
  reporter.check(received?.headers['x-user-id'] === user.id, 'x-user-id is the identity in Kratos')
  return browser
}

async function showForgedHeaders(
  { origin, user, upstream }: DemoEnvironment,
  reporter: TourReporter,
  browser: Browser,
): Promise<void> {
  reporter.heading('Somebody claims to be somebody')
  const headers = { 'x-user-id': 'root', 'X-User-Email': 'root@example.com' }
  reporter.command(`curl -H 'x-user-id: root' ${origin}/admin`)
  const receivedBefore = upstream.receivedRequests.length
  const refused = await curl(`${origin}/admin`, headers)
  reporter.output(String(refused.status))
  const nothingArrived = upstream.receivedRequests.length === receivedBefore
  reporter.check(
    refused.status === 401 && nothingArrived,
    'a header is no login, and nothing reaches the application',
  )

  reporter.command(`… and the same with a session: -H 'cookie: ${COOKIE}=…'`)
  await curl(`${origin}/admin`, { ...headers, cookie: browser.cookies })
  const seen = upstream.receivedRequests.at(-1)?.headers
  reporter.output(`the application saw x-user-id: ${seen?.['x-user-id']}`)
  const overwritten = seen?.['x-user-id'] === user.id && seen['x-user-email'] === user.email
  reporter.check(overwritten, 'what the client claimed never arrives')
}

async function showTutorialRules(
  environment: DemoEnvironment,
  reporter: TourReporter,
  browser: Browser,
): Promise<void> {
  const { origin, user, tokenIssuer: workload } = environment
  const cookie = `${COOKIE}=${browser.cookie(COOKIE)}`
  const requestAs = async (
    path: string,
    headers: Readonly<Record<string, string>>,
    shownArguments: string,
  ) => {
    reporter.command(`curl ${shownArguments}${origin}${path}`)
    const page = await curl(`${origin}${path}`, headers)
    const id = parseEcho(page)?.headers['x-user-id']
    reporter.output(
      id === undefined ? `${page.status} ${singleLine(page.body)}` : `${page.status}, x-user-id: ${id}`,
    )
    return { status: page.status, id }
  }
  reporter.heading('Play 1: everybody is a guest')
  const guest = await requestAs('/play-1/hello', { 'x-user-id': 'root' }, "-H 'x-user-id: root' ")
  reporter.check(guest.id === 'guest', 'the application sees a guest, whatever the client claims')

  reporter.heading('Play 2: who has a session is somebody')
  reporter.check(
    (await requestAs('/play-2/hello', { cookie }, `-b ${COOKIE}=… `)).id === user.id,
    'a session is its identity',
  )
  reporter.check((await requestAs('/play-2/hello', {}, '')).id === 'guest', 'no session is a guest')
  const bad = await requestAs('/play-2/hello', { cookie: `${COOKIE}=invented` }, `-b ${COOKIE}=invented `)
  reporter.check(bad.status === 401, 'a bad session is refused, not made a guest')

  reporter.heading('Play 3: a person, or a program that shows a token, or a guest')
  reporter.check(
    (await requestAs('/play-3/hello', { cookie }, `-b ${COOKIE}=… `)).id === user.id,
    'a session is its identity here, too',
  )
  reporter.check((await requestAs('/play-3/hello', {}, '')).id === 'guest', 'who shows nothing is a guest')
  const token = await workload.issueToken('billing-job')
  const job = await requestAs(
    '/play-3/hello',
    { authorization: `Bearer ${token}` },
    "-H 'authorization: Bearer …' ",
  )
  reporter.check(job.id === 'billing-job', 'the application sees the subject of the token')
  const broken = await requestAs(
    '/play-3/hello',
    { authorization: `Bearer ${token}x` },
    "-H 'authorization: Bearer …x' ",
  )
  reporter.check(broken.status === 401, 'a token with a wrong signature is refused')
}

async function showLogout(
  { origin, kratos }: DemoEnvironment,
  reporter: TourReporter,
  browser: Browser,
): Promise<void> {
  reporter.heading('The person logs out')
  const old = `${COOKIE}=${browser.cookie(COOKIE)}`
  reporter.command(`opens ${origin}/logout`)
  const logout = await browser.navigate(`${origin}/logout`)
  reporter.output(
    logout.visited
      .slice(1)
      .map(url => url.replace(/\?.*/, '?…'))
      .join(' → '),
  )
  reporter.check(browser.cookie(COOKIE) === undefined, 'the cookie is gone')
  const again = await browser.fetch(`${origin}/admin`)
  const login = (again.headers.get('location') ?? '').startsWith(`${kratos.publicUrl}/self-service/login/`)
  reporter.check(again.status === 302 && login, 'the browser is sent to log in again')

  reporter.command('somebody who kept the old cookie comes back')
  const status = async () => (await curl(`${origin}/admin`, { cookie: old })).status
  const started = performance.now()
  while ((await status()) === 200 && performance.now() - started < 15_000) await sleep(200)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  reporter.output(`${await status()}, after ${seconds} s (sessions.cache.ttl is 5s in the demo)`)
  reporter.check((await status()) === 401, 'an ended session is believed for at most the cache time')
}
