/** demo/tour — walks through what the demo shows, live, and checks each step. Knows the outside of the house only. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, createBrowser, type Page, send, submitLogin } from './browser.ts'
import type { Stage } from './environment.ts'
import type { Arrived } from './page.ts'
import type { Teller } from './tour_report.ts'
import { remembered, revoked, secondFactor, unreachable } from './tour_sessions.ts'

const COOKIE = 'ory_kratos_session'

export async function walkTour(stage: Stage, tell: Teller): Promise<void> {
  await nobody(stage, tell)
  const browser = await logsIn(stage, tell)
  await remembered(stage, tell)
  await forged(stage, tell, browser)
  await plays(stage, tell, browser)
  await secondFactor(stage, tell, browser)
  await logsOut(stage, tell, browser)
  await revoked(stage, tell)
  await unreachable(stage, tell)
}

const curl = (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> =>
  send(url, { method: 'GET', headers: { accept: '*/*', ...headers } })

/** The echo's answer; anything else is shown as it is. */
function echoed(page: Page): Arrived | undefined {
  return page.status === 200 ? page.json<Arrived>() : undefined
}

const line = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 200)

async function nobody({ origin, kratos }: Stage, tell: Teller): Promise<void> {
  tell.heading('Nobody is logged in')
  tell.doing(`curl ${origin}/admin`)
  const refused = await curl(`${origin}/admin`)
  tell.seen(`${refused.status} ${line(refused.body)}`)
  const json = refused.headers.get('content-type')?.startsWith('application/json') === true
  tell.check(
    refused.status === 401 && json && /"code":401/.test(refused.body),
    'a program is refused with JSON',
  )

  tell.doing(`a browser opens ${origin}/admin`)
  const sent = await createBrowser().ask(`${origin}/admin`)
  const to = sent.headers.get('location') ?? ''
  tell.seen(`${sent.status} → ${to}`)
  const back = encodeURIComponent(`${origin}/admin`)
  const login = to.startsWith(`${kratos.publicUrl}/self-service/login/browser?`)
  tell.check(sent.status === 302 && login && to.includes(`return_to=${back}`), 'a browser is sent to log in')
}

async function logsIn({ origin, kratos, user, upstream }: Stage, tell: Teller): Promise<Browser> {
  tell.heading('A person logs in')
  const browser = createBrowser()
  const form = await browser.browse(`${origin}/admin`)
  const flow = new URL(form.visited.at(-1) ?? origin).searchParams.get('flow')
  tell.check(flow !== null && form.status === 200, 'the redirect ends at a login page')
  if (flow === null) throw new Error(`Kratos did not show a login page but ${form.visited.at(-1)}`)

  tell.doing(`fills in ${user.email} and ${user.password}`)
  const done = await submitLogin(browser, kratos, flow, user)
  tell.seen(`${done.status} → ${done.headers.get('location')}`)
  tell.check(done.headers.get('location') === `${origin}/admin`, 'Kratos sends the browser back to the page')

  const page = await browser.ask(`${origin}/admin`)
  const arrived = upstream.arrived.at(-1)
  tell.seen(`${page.status}, and the application saw x-user-id: ${arrived?.headers['x-user-id']}`)
  tell.check(page.status === 200 && page.body.includes(user.email), 'the admin page is there')
  tell.check(arrived?.headers['x-user-id'] === user.id, 'x-user-id is the identity in Kratos')
  return browser
}

async function forged({ origin, user, upstream }: Stage, tell: Teller, browser: Browser): Promise<void> {
  tell.heading('Somebody claims to be somebody')
  const headers = { 'x-user-id': 'root', 'X-User-Email': 'root@example.com' }
  tell.doing(`curl -H 'x-user-id: root' ${origin}/admin`)
  const arrivedBefore = upstream.arrived.length
  const refused = await curl(`${origin}/admin`, headers)
  tell.seen(String(refused.status))
  const none = upstream.arrived.length === arrivedBefore
  tell.check(refused.status === 401 && none, 'a header is no login, and nothing reaches the application')

  tell.doing(`… and the same with a session: -H 'cookie: ${COOKIE}=…'`)
  await curl(`${origin}/admin`, { ...headers, cookie: browser.cookies })
  const seen = upstream.arrived.at(-1)?.headers
  tell.seen(`the application saw x-user-id: ${seen?.['x-user-id']}`)
  const own = seen?.['x-user-id'] === user.id && seen['x-user-email'] === user.email
  tell.check(own, 'what the client claimed never arrives')
}

async function plays(stage: Stage, tell: Teller, browser: Browser): Promise<void> {
  const { origin, user, workload } = stage
  const cookie = `${COOKIE}=${browser.cookie(COOKIE)}`
  const who = async (path: string, headers: Readonly<Record<string, string>>, shown: string) => {
    tell.doing(`curl ${shown}${origin}${path}`)
    const page = await curl(`${origin}${path}`, headers)
    const id = echoed(page)?.headers['x-user-id']
    tell.seen(id === undefined ? `${page.status} ${line(page.body)}` : `${page.status}, x-user-id: ${id}`)
    return { status: page.status, id }
  }
  tell.heading('Play 1: everybody is a guest')
  const guest = await who('/play-1/hello', { 'x-user-id': 'root' }, "-H 'x-user-id: root' ")
  tell.check(guest.id === 'guest', 'the application sees a guest, whatever the client claims')

  tell.heading('Play 2: who has a session is somebody')
  tell.check(
    (await who('/play-2/hello', { cookie }, `-b ${COOKIE}=… `)).id === user.id,
    'a session is its identity',
  )
  tell.check((await who('/play-2/hello', {}, '')).id === 'guest', 'no session is a guest')
  const bad = await who('/play-2/hello', { cookie: `${COOKIE}=invented` }, `-b ${COOKIE}=invented `)
  tell.check(bad.status === 401, 'a bad session is refused, not made a guest')

  tell.heading('Play 3: a person, or a program that shows a token, or a guest')
  tell.check(
    (await who('/play-3/hello', { cookie }, `-b ${COOKIE}=… `)).id === user.id,
    'a session is its identity here, too',
  )
  tell.check((await who('/play-3/hello', {}, '')).id === 'guest', 'who shows nothing is a guest')
  const token = await workload.token('billing-job')
  const job = await who(
    '/play-3/hello',
    { authorization: `Bearer ${token}` },
    "-H 'authorization: Bearer …' ",
  )
  tell.check(job.id === 'billing-job', 'the application sees the subject of the token')
  const broken = await who(
    '/play-3/hello',
    { authorization: `Bearer ${token}x` },
    "-H 'authorization: Bearer …x' ",
  )
  tell.check(broken.status === 401, 'a token with a wrong signature is refused')
}

async function logsOut({ origin, kratos }: Stage, tell: Teller, browser: Browser): Promise<void> {
  tell.heading('The person logs out')
  const old = `${COOKIE}=${browser.cookie(COOKIE)}`
  tell.doing(`opens ${origin}/logout`)
  const left = await browser.browse(`${origin}/logout`)
  tell.seen(
    left.visited
      .slice(1)
      .map(url => url.replace(/\?.*/, '?…'))
      .join(' → '),
  )
  tell.check(browser.cookie(COOKIE) === undefined, 'the cookie is gone')
  const again = await browser.ask(`${origin}/admin`)
  const login = (again.headers.get('location') ?? '').startsWith(`${kratos.publicUrl}/self-service/login/`)
  tell.check(again.status === 302 && login, 'the browser is sent to log in again')

  tell.doing('somebody who kept the old cookie comes back')
  const status = async () => (await curl(`${origin}/admin`, { cookie: old })).status
  const started = performance.now()
  while ((await status()) === 200 && performance.now() - started < 15_000) await sleep(200)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  tell.seen(`${await status()}, after ${seconds} s (sessions.cache.ttl is 5s in the demo)`)
  tell.check((await status()) === 401, 'an ended session is believed for at most the cache time')
}
