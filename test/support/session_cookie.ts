/** The session cookie of a user that logs in, for tests that need no browser afterwards. */
import { createBrowser, logIn } from '../../demo/browser.ts'
import type { Kratos, User } from '../../demo/kratos.ts'

/** Logs in at Kratos' login form; resolves to the cookie as a browser sends it, `name=value`. */
export async function logInForCookie(kratos: Kratos, user: User): Promise<string> {
  const browser = createBrowser()
  await logIn(browser, kratos, user)
  return `ory_kratos_session=${browser.cookie('ory_kratos_session')}`
}
