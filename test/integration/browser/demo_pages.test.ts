/** Walks through the pages of the demo in Chromium: log in, set up a second factor, use it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { type DemoEnvironment, startDemoEnvironment } from '../../../demo/environment.ts'
import {
  accessibilityProblems,
  launchChromium,
  openPage,
  screenshot,
  sidewaysScroll,
  VIEWS,
  WITHOUT_CHROMIUM,
} from './support/chromium.ts'

const options = { skip: WITHOUT_CHROMIUM }
let environment: DemoEnvironment
let browser: Browser
before(async () => {
  if (WITHOUT_CHROMIUM !== false) return
  environment = await startDemoEnvironment(() => {})
  browser = await launchChromium()
})
after(async () => {
  await browser?.close()
  await environment?.close()
})

/** How versions of Kratos label the field. */
const IDENTIFIER = /^(ID|E-Mail|Email)$/i

/** Looks at the page that a browser shows, in every view. */
async function assertWellMade(page: Page, name: string): Promise<void> {
  for (const { colorScheme, width } of VIEWS) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 800 })
    await page.evaluate('document.querySelectorAll("details").forEach(one => { one.open = true })')
    assert.deepEqual(await accessibilityProblems(page), [], `${name} ${colorScheme} ${width}`)
    assert.equal(await sidewaysScroll(page), 0, `${name} ${width}`)
    await screenshot(page, `demo-${name}-${colorScheme}-${width}`)
  }
}

test('every page of the demo can be read and used', options, async () => {
  const { page, errors } = await openPage(browser, environment.origin, { colorScheme: 'light', width: 360 })
  await assertWellMade(page, 'front')
  await page.getByRole('link', { name: 'Open the admin page' }).click()

  assert.match(await page.title(), /^Log in ·/)
  await assertWellMade(page, 'login')
  const password = page.getByLabel('Password')
  assert.equal(await password.getAttribute('autocomplete'), 'current-password')
  await page.getByLabel(IDENTIFIER).fill(environment.user.email)
  await password.fill('wrong')
  await page.getByRole('button').first().click()
  assert.match((await page.getByRole('alert').textContent()) ?? '', /credentials are invalid/)
  await assertWellMade(page, 'login-failed')
  await page.getByLabel('Password').fill(environment.user.password)
  await page.getByRole('button').first().click()

  await page.waitForURL('**/admin')
  assert.deepEqual((await page.locator('mark').allTextContents()).sort(), ['x-user-email', 'x-user-id'])
  assert.equal(await page.locator('details').getAttribute('open'), null, 'the other headers are folded away')
  await assertWellMade(page, 'admin')

  await page.goto(`${environment.origin}/vault`)
  assert.equal(await page.locator('h1').textContent(), 'This page needs a second factor')
  await assertWellMade(page, 'enrollment')
  await page.getByRole('link', { name: 'Settings of your account' }).click()
  await assertWellMade(page, 'settings')
  await page.getByRole('button', { name: /Generate/ }).click()
  const codes = (await page.locator('code').first().textContent()) ?? ''
  await assertWellMade(page, 'codes')
  await page.getByRole('button', { name: /Confirm/ }).click()

  await page.goto(`${environment.origin}/logout`)
  await page.goto(`${environment.origin}/vault`)
  await page.getByLabel(IDENTIFIER).fill(environment.user.email)
  await page.getByLabel('Password').fill(environment.user.password)
  await page.getByRole('button').first().click()
  await page
    .getByLabel(/backup/i)
    .first()
    .waitFor()
  assert.match(await page.title(), /second factor/)
  assert.match((await page.locator('.notice').textContent()) ?? '', /second authentication challenge/)
  assert.equal(await page.getByRole('alert').count(), 0, 'an invitation is no error')
  await assertWellMade(page, 'second-factor')
  const field = page.getByLabel(/backup/i).first()
  assert.equal(await field.getAttribute('autocomplete'), 'one-time-code')
  await field.fill(codes.split(', ')[0] ?? '')
  await page.getByRole('button', { name: /backup/i }).click()
  await page.waitForURL('**/vault')
  await assertWellMade(page, 'vault')

  await page.goto(`${environment.origin}/none`)
  assert.equal(await page.locator('h1').textContent(), 'This page does not exist')
  assert.doesNotMatch(await page.content(), /\/(?:home|tmp|root|usr)\//)
  assert.deepEqual(errors, [])
  await page.context().close()
})
