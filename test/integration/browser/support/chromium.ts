/** Opens pages in Chromium, and reports what axe-core and the browser find wrong with them. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'

/** Set by `scripts/test.js` where there is a Chromium. */
const BINARY = process.env.CHROMIUM_BIN ?? ''

/** Why the tests are skipped; `false` where there is a Chromium. */
export const WITHOUT_CHROMIUM =
  BINARY !== '' && existsSync(BINARY)
    ? false
    : 'CHROMIUM_BIN names no Chromium; run `npm test -- test/integration`'

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: BINARY, args: ['--no-sandbox'] })

export interface View {
  readonly colorScheme: 'light' | 'dark'
  /** CSS pixels. */
  readonly width: number
}

/** A small phone and a desktop, each in both colour schemes. */
export const VIEWS: readonly View[] = (['light', 'dark'] as const).flatMap(colorScheme =>
  [360, 1280].map(width => ({ colorScheme, width })),
)

export interface OpenedPage {
  readonly page: Page
  /** Errors of the browser so far: of the policy, of scripts, and of what could not be loaded. */
  readonly errors: readonly string[]
  /** Requests to other origins so far. */
  readonly foreignRequests: readonly string[]
}

/** Opens a URL in a browser context of its own, which sends the value of the cookie `ory_kratos_session` if there is one. */
export async function openPage(browser: Browser, url: string, view: View, session = ''): Promise<OpenedPage> {
  const context = await browser.newContext({
    colorScheme: view.colorScheme,
    viewport: { width: view.width, height: 800 },
    locale: 'en-GB',
  })
  if (session !== '') await context.addCookies([{ name: 'ory_kratos_session', value: session, url }])
  const page = await context.newPage()
  const errors: string[] = []
  const foreignRequests: string[] = []
  page.on('pageerror', error => errors.push(error.message))
  page.on('console', message => {
    // Chromium reports every response above 399, which is what these pages are.
    if (message.type() === 'error' && !message.text().includes('the server responded with a status of'))
      errors.push(message.text())
  })
  page.on('request', request => {
    const requested = request.url()
    if (!requested.startsWith('data:') && new URL(requested).origin !== new URL(url).origin)
      foreignRequests.push(requested)
  })
  await page.goto(url)
  return { page, errors, foreignRequests }
}

/** The rules that axe-core finds violated, or cannot decide, each with the elements. Empty where all is well. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  // Through the protocol of the debugger, which the policy of a page does not restrict.
  await page.evaluate(axe.source)
  const { violations, incomplete } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations', 'incomplete'] }),
  )
  return [...violations, ...incomplete].map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 100)).join(' ')}`,
  )
}

/** How far the page can be scrolled to the side, in CSS pixels. */
export const sidewaysScroll = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

/** Writes a picture into the folder that CREDENCE_SCREENSHOTS names, if it is set. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.CREDENCE_SCREENSHOTS
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
