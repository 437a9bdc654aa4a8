/** Opens refused pages in Chromium, through the real Envoy. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { type EnvoyEnvironment, startEnvoyEnvironment } from '../envoy/support/environment.ts'
import {
  accessibilityProblems,
  launchChromium,
  openPage,
  screenshot,
  sidewaysScroll,
  VIEWS,
  type View,
  WITHOUT_CHROMIUM,
} from './support/chromium.ts'

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><circle cx="20" cy="20" r="18" fill="#e4572e"/></svg>'

const rule = (id: string, more: string): string => `
- id: ${id}
  match: { url: "http://127.0.0.1:10000/${id}", methods: [GET] }
  authorizer: { handler: allow }
  mutators: [ { handler: noop } ]
  ${more}
`
const RULES = [
  rule('login', 'authenticators: [ { handler: unauthorized } ]'),
  rule('forbidden', 'authenticators: [ { handler: noop } ]').replace('handler: allow', 'handler: deny'),
  // Nothing listens where Kratos should be.
  rule('unavailable', 'authenticators: [ { handler: cookie_session } ]'),
  rule('failure', 'authenticators: [ { handler: jwt } ]'),
  rule(
    'loop',
    'authenticators: [ { handler: unauthorized } ]\n  errors: [ { handler: redirect, config: { to: /loop, return_to_query_param: r } } ]',
  ),
].join('')

/** A cookie, so that Credence calls Kratos. */
const SESSION = 'any'
const PHONE: View = { colorScheme: 'light', width: 360 }
const open = (path: string, view = PHONE) => openPage(browser, `${environment.origin}${path}`, view, SESSION)

/** By path: the status and the heading. */
const PAGES = [
  ['/none', 404, 'This page does not exist'],
  ['/login', 401, 'You are not logged in here'],
  ['/forbidden', 403, 'You have no access to this page'],
  ['/unavailable', 503, 'Please try again in a moment'],
  ['/failure', 500, 'Something went wrong'],
  ['/loop', 401, 'You are not logged in here'],
] as const

const options = { skip: WITHOUT_CHROMIUM }
let environment: EnvoyEnvironment
let browser: Browser
before(async () => {
  if (WITHOUT_CHROMIUM !== false) return
  environment = await startEnvoyEnvironment({
    rules: RULES,
    editCredence: yaml =>
      yaml.replace(
        'fallback: [json]',
        `fallback: [json]\n  pages: { enabled: true, title: Example Shop, logo: '${LOGO}', support_url: "mailto:help@example.com" }`,
      ),
  })
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await environment?.close()
})

for (const [path, status, title] of PAGES) {
  test(`${path}: ${status} is a page that axe-core and the browser find no fault in`, options, async () => {
    for (const view of VIEWS) {
      const { page, errors, foreignRequests } = await open(path, view)
      assert.equal(await page.locator('h1').textContent(), title)
      assert.equal(await page.locator('main .button').count(), 1)
      assert.deepEqual(await accessibilityProblems(page), [])
      assert.equal(await sidewaysScroll(page), 0)
      assert.deepEqual([errors, foreignRequests], [[], []])
      assert.equal(
        await page.evaluate('getComputedStyle(document.body).backgroundColor'),
        view.colorScheme === 'light' ? 'rgb(244, 245, 247)' : 'rgb(20, 23, 27)',
        'the policy lets the style apply',
      )
      await screenshot(page, `${path.slice(1)}-${view.colorScheme}-${view.width}`)
      await page.context().close()
    }
  })
}

test('the logo is shown', options, async () => {
  const { page } = await open('/none')
  assert.ok(Number(await page.evaluate('document.images[0].naturalWidth')) > 0)
  await page.context().close()
})

test('the reference of a page finds its line in the access log', options, async () => {
  const { page } = await open('/none?a=<b>')
  const reference = (await page.locator('footer code').textContent()) ?? ''
  assert.match(reference, /^[0-9a-f-]{36}$/)
  const [record] = await environment.waitForLogRecords(reference)
  assert.deepEqual([record?.code, record?.error_handler], ['no_rule', 'page'])
  await page.context().close()
})

test('the button of an outage tries the same address again', options, async () => {
  const path = '/unavailable?a=1&b=2'
  const { page } = await open(path)
  await page.keyboard.press('Tab')
  const [response] = await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
  assert.equal(page.url(), `${environment.origin}${path}`)
  assert.equal(response?.status(), 503)
  await page.context().close()
})

test('a script of a page gets JSON', options, async () => {
  // The policy of the page forbids every request of a script, so the browser is asked to ignore it.
  const context = await browser.newContext({ bypassCSP: true })
  const page = await context.newPage()
  await page.goto(`${environment.origin}/none`)
  const type = await page.evaluate(
    `fetch('/none', { headers: { accept: 'text/html' } }).then(response => response.headers.get('content-type'))`,
  )
  assert.equal(type, 'application/json')
  await context.close()
})

test('a page cannot be framed', options, async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.route('**/frame', route =>
    route.fulfill({ contentType: 'text/html', body: `<iframe src="${environment.origin}/none"></iframe>` }),
  )
  const blocked = page.waitForEvent('console', message => message.text().includes('frame-ancestors'))
  await page.goto(`${environment.origin}/frame`)
  await blocked
  await context.close()
})
