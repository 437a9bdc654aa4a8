/** The tour of the demo: it sends real requests through Envoy, prints what it does, and checks each result. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, createBrowser, type Page, sendRequest, submitLoginForm } from '../browser.ts'
import type { DemoEnvironment } from '../environment.ts'
import type { ReceivedRequest } from '../web/page.ts'
import type { TourReporter } from './reporter.ts'
import { showCachedSession, showKratosOutage, showRevocation, showSecondFactor } from './sessions.ts'

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

/** Returns the request that the application echoed, or `undefined` when Envoy did not forward it. */
function parseEcho(page: Page): ReceivedRequest | undefined {
  return page.status === 200 ? page.json<ReceivedRequest>() : undefined
}

const singleLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 200)

async function showAnonymousAccess(
  { origin, kratos }: DemoEnvironment,
  reporter: TourReporter,
): Promise<void> {
  reporter.heading('Without a session')
  reporter.command(`curl ${origin}/admin`)
  const refused = await curl(`${origin}/admin`)
  reporter.output(`${refused.status} ${singleLine(refused.body)}`)
  const json = refused.headers.get('content-type')?.startsWith('application/json') === true
  reporter.check(
    refused.status === 401 && json && /"code":401/.test(refused.body),
    'a program receives a JSON denial',
  )

  reporter.command(`open ${origin}/admin in a browser`)
  const sent = await createBrowser().fetch(`${origin}/admin`)
  const location = sent.headers.get('location') ?? ''
  reporter.output(`${sent.status} → ${location}`)
  const returnTo = encodeURIComponent(`${origin}/admin`)
  const login = location.startsWith(`${kratos.publicUrl}/self-service/login/browser?`)
  reporter.check(
    sent.status === 302 && login && location.includes(`return_to=${returnTo}`),
    'a browser is redirected to the login',
  )
}

async function showLogin(
  { origin, kratos, user, upstream }: DemoEnvironment,
  reporter: TourReporter,
): Promise<Browser> {
  reporter.heading('Log in')
  const browser = createBrowser()
  const form = await browser.navigate(`${origin}/admin`)
  const flow = new URL(form.visited.at(-1) ?? origin).searchParams.get('flow')
  reporter.check(flow !== null && form.status === 200, 'the redirect leads to the login page')
  if (flow === null) throw new Error(`Kratos redirected to ${form.visited.at(-1)} instead of the login page`)

  reporter.command(`log in as ${user.email} with ${user.password}`)
  const done = await submitLoginForm(browser, kratos, flow, user)
  reporter.output(`${done.status} → ${done.headers.get('location')}`)
  reporter.check(
    done.headers.get('location') === `${origin}/admin`,
    'Kratos redirects the browser back to the page',
  )

  const page = await browser.fetch(`${origin}/admin`)
  const received = upstream.receivedRequests.at(-1)
  reporter.output(`${page.status}, and the application received x-user-id: ${received?.headers['x-user-id']}`)
  reporter.check(page.status === 200 && page.body.includes(user.email), 'the admin page is served')
  reporter.check(received?.headers['x-user-id'] === user.id, 'x-user-id is the id of the identity in Kratos')
  return browser
}

async function showForgedHeaders(
  { origin, user, upstream }: DemoEnvironment,
  reporter: TourReporter,
  browser: Browser,
): Promise<void> {
  reporter.heading('Forged identity headers')
  const headers = { 'x-user-id': 'root', 'X-User-Email': 'root@example.com' }
  reporter.command(`curl -H 'x-user-id: root' ${origin}/admin`)
  const receivedBefore = upstream.receivedRequests.length
  const refused = await curl(`${origin}/admin`, headers)
  reporter.output(String(refused.status))
  const nothingArrived = upstream.receivedRequests.length === receivedBefore
  reporter.check(
    refused.status === 401 && nothingArrived,
    'a forged header does not authenticate, and nothing reaches the application',
  )

  reporter.command(`the same with a session: -H 'cookie: ${COOKIE}=…'`)
  await curl(`${origin}/admin`, { ...headers, cookie: browser.cookies })
  const seen = upstream.receivedRequests.at(-1)?.headers
  reporter.output(`the application received x-user-id: ${seen?.['x-user-id']}`)
  const overwritten = seen?.['x-user-id'] === user.id && seen['x-user-email'] === user.email
  reporter.check(overwritten, 'the forged headers are overwritten')
}

async function showTutorialRules(
  environment: DemoEnvironment,
  reporter: TourReporter,
  browser: Browser,
): Promise<void> {
  const { origin, user, tokenIssuer } = environment
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
  reporter.heading('Tutorial rule 1: every request is a guest')
  const guest = await requestAs('/step-1/hello', { 'x-user-id': 'root' }, "-H 'x-user-id: root' ")
  reporter.check(
    guest.id === 'guest',
    'the application receives the subject guest, whatever the client sends',
  )

  reporter.heading('Tutorial rule 2: a session, or a guest')
  reporter.check(
    (await requestAs('/step-2/hello', { cookie }, `-b ${COOKIE}=… `)).id === user.id,
    'with a session the subject is its identity',
  )
  reporter.check(
    (await requestAs('/step-2/hello', {}, '')).id === 'guest',
    'without a session the subject is guest',
  )
  const bad = await requestAs('/step-2/hello', { cookie: `${COOKIE}=invented` }, `-b ${COOKIE}=invented `)
  reporter.check(bad.status === 401, 'an invalid session is denied and does not become a guest')

  reporter.heading('Tutorial rule 3: a session, a token, or a guest')
  reporter.check(
    (await requestAs('/step-3/hello', { cookie }, `-b ${COOKIE}=… `)).id === user.id,
    'with a session the subject is its identity, too',
  )
  reporter.check(
    (await requestAs('/step-3/hello', {}, '')).id === 'guest',
    'without a credential the subject is guest',
  )
  const token = await tokenIssuer.issueToken('billing-job')
  const job = await requestAs(
    '/step-3/hello',
    { authorization: `Bearer ${token}` },
    "-H 'authorization: Bearer …' ",
  )
  reporter.check(job.id === 'billing-job', 'with a token the subject is that of the token')
  const broken = await requestAs(
    '/step-3/hello',
    { authorization: `Bearer ${token}x` },
    "-H 'authorization: Bearer …x' ",
  )
  reporter.check(broken.status === 401, 'a token with a wrong signature is denied')
}

async function showLogout(
  { origin, kratos }: DemoEnvironment,
  reporter: TourReporter,
  browser: Browser,
): Promise<void> {
  reporter.heading('Log out')
  const old = `${COOKIE}=${browser.cookie(COOKIE)}`
  reporter.command(`open ${origin}/logout in the browser`)
  const logout = await browser.navigate(`${origin}/logout`)
  reporter.output(
    logout.visited
      .slice(1)
      .map(url => url.replace(/\?.*/, '?…'))
      .join(' → '),
  )
  reporter.check(browser.cookie(COOKIE) === undefined, 'the cookie is deleted')
  const again = await browser.fetch(`${origin}/admin`)
  const login = (again.headers.get('location') ?? '').startsWith(`${kratos.publicUrl}/self-service/login/`)
  reporter.check(again.status === 302 && login, 'the browser is redirected to the login again')

  reporter.command('send the old cookie again')
  const status = async () => (await curl(`${origin}/admin`, { cookie: old })).status
  const started = performance.now()
  while ((await status()) === 200 && performance.now() - started < 15_000) await sleep(200)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  reporter.output(`${await status()}, after ${seconds} s (sessions.cache.ttl is 5s in the demo)`)
  reporter.check((await status()) === 401, 'a revoked session is accepted for the cache time at most')
}
