/** demo/tour_sessions — the part of the tour about sessions: remembered, ended by news, asked for more, and Kratos out of reach. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Browser,
  createBrowser,
  enrolBackupCodes,
  logIn,
  nativeLogin,
  type Page,
  send,
  submitForm,
} from './browser.ts'
import type { Stage } from './environment.ts'
import type { Teller } from './tour_report.ts'

const WHOAMI = '/sessions/whoami'
const COOKIE = 'ory_kratos_session'

const admin = ({ origin }: Stage, browser: Browser): Promise<Page> =>
  browser.ask(`${origin}/admin`, { accept: 'json' })

/** A session that Credence has not seen yet. */
async function freshLogin({ kratos, user }: Stage): Promise<Browser> {
  const browser = createBrowser()
  await logIn(browser, kratos, user)
  return browser
}

export async function remembered(stage: Stage, tell: Teller): Promise<void> {
  tell.heading('A hundred requests with one new session')
  const browser = await freshLogin(stage)
  const before = stage.calls.count(WHOAMI)
  tell.doing(`a hundred times, ten at once: curl -b ${COOKIE}=… ${stage.origin}/admin`)
  const statuses = new Set<number>()
  const ten = async () => {
    for (let i = 0; i < 10; i++) statuses.add((await admin(stage, browser)).status)
  }
  await Promise.all(Array.from({ length: 10 }, ten))
  const cost = stage.calls.count(WHOAMI) - before
  tell.seen(`${[...statuses].join(', ')}; calls to Kratos: ${cost}`)
  tell.check(
    statuses.size === 1 && statuses.has(200) && cost === 1,
    'a hundred requests cost Kratos one call',
  )
}

export async function secondFactor(stage: Stage, tell: Teller, browser: Browser): Promise<void> {
  const { origin, kratos, user } = stage
  tell.heading('One page wants a second factor')
  tell.doing(`the browser opens ${origin}/vault`)
  const none = await browser.browse(`${origin}/vault`)
  tell.seen(`${none.status} ${/<p>(.*?)<\/p>/.exec(none.body)?.[1] ?? ''}`)
  tell.check(
    none.status === 403 && none.visited.length === 1 && none.body.includes('/self-service/settings/browser'),
    'who has none is told to set one up',
  )

  const codes = await enrolBackupCodes(kratos, await nativeLogin(kratos, user))
  tell.doing(`backup codes are set up (elsewhere); again ${origin}/vault`)
  const form = await browser.browse(`${origin}/vault`)
  tell.seen(`→ ${(form.visited[1] ?? '').replace(/.*(?=\/self-service)/, '')}`)
  const flow = new URL(form.visited.at(-1) ?? origin).searchParams.get('flow') ?? ''
  tell.check(
    form.visited[1]?.includes('?aal=aal2&return_to=') === true && flow !== '',
    'a browser is sent to its second factor',
  )
  const done = await submitForm(browser, kratos, flow, {
    method: 'lookup_secret',
    lookup_secret: codes[0] ?? '',
  })
  tell.seen(`the code ${codes[0]}: ${done.status} → ${done.headers.get('location')}`)
  const page = await browser.ask(`${origin}/vault`)
  tell.check(
    done.headers.get('location') === `${origin}/vault` &&
      page.status === 200 &&
      page.body.includes(user.email),
    'and comes back to the page',
  )
  const other = await freshLogin(stage)
  const refused = await other.ask(`${origin}/vault`, { accept: 'json' })
  const passed = await admin(stage, other)
  tell.seen(`a session with the password alone: ${refused.status} there, ${passed.status} at /admin`)
  tell.check(
    refused.status === 403 && passed.status === 200,
    'the password alone is 403 there, and enough elsewhere',
  )
  stage.codes.push(...codes.slice(1))
}

export async function revoked(stage: Stage, tell: Teller): Promise<void> {
  const { kratos, revocations } = stage
  tell.heading('An administrator ends a session')
  const browser = await freshLogin(stage)
  const inside = await admin(stage, browser)
  const headers = { cookie: `${COOKIE}=${browser.cookie(COOKIE)}` }
  const { id } = (await send(`${kratos.publicUrl}${WHOAMI}`, { method: 'GET', headers })).json<{
    id: string
  }>()
  await kratos.identities.disableSession({ id })
  tell.doing(`curl -X DELETE ${kratos.adminUrl}/admin/sessions/…`)
  tell.doing(`curl -X POST -H 'X-Revocation-Key: …' -d '{"session_id":"…"}' ${revocations.url}`)
  const news = await send(revocations.url, {
    method: 'POST',
    headers: { 'x-revocation-key': revocations.key, 'content-type': 'application/json' },
    body: JSON.stringify({ session_id: id }),
  })
  const next = await admin(stage, browser)
  tell.seen(`before ${inside.status}, news ${news.status}, next request ${next.status}`)
  tell.check(inside.status === 200 && news.status === 204 && next.status === 401, 'the next request is out')
}

export async function unreachable(stage: Stage, tell: Teller): Promise<void> {
  tell.heading('Kratos cannot be reached')
  const [known, unknown] = [await freshLogin(stage), await freshLogin(stage)]
  const before = await admin(stage, known)
  tell.doing('the line between Credence and Kratos is cut, for longer than the 5s of sessions.cache.ttl')
  stage.calls.cut()
  try {
    await sleep(6_000)
    const still = await admin(stage, known)
    tell.seen(`who was in before: ${before.status}, now ${still.status}`)
    tell.check(
      before.status === 200 && still.status === 200,
      'who was logged in works on (sessions.cache.stale_if_error)',
    )
    const nobody = await admin(stage, unknown)
    tell.seen(
      `a session that nobody has seen yet: ${nobody.status}, retry-after ${nobody.headers.get('retry-after')}`,
    )
    tell.check(nobody.status === 503, 'nobody new gets in, and nobody is told that he is not logged in')
    const page = await unknown.ask(`${stage.origin}/admin`)
    tell.check(page.status === 503, 'a browser is not sent to log in')
  } finally {
    stage.calls.mend()
  }
  const end = performance.now() + 20_000
  while ((await admin(stage, unknown)).status !== 200 && performance.now() < end) await sleep(200)
  const back = await admin(stage, unknown)
  tell.seen(`the line is there again: ${back.status}`)
  tell.check(back.status === 200, 'and all is well once Kratos answers')
}
