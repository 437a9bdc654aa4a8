/** An HTML page that replaces a redirect: it explains why logging in does not help, and what to do. */
import type { Denial } from '../../access/denial.ts'
import type { DenialResponse } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import { acceptsHtml } from './accepts_html.ts'
import { jsonErrorResponse, NO_STORE_HEADERS } from './error_body.ts'

interface PageText {
  readonly title: string
  readonly text: string
  /** Text of the link to the login. Absent if logging in cannot help. */
  readonly link?: string
}

const NOT_LOGGED_IN: PageText = {
  title: 'You are not logged in here',
  text: 'You returned from the login, but this page received no valid session. Your browser may block cookies, or the session cookie may belong to another site.',
  link: 'Log in',
}
const NOT_ALLOWED: PageText = {
  title: 'You have no access to this page',
  text: 'You are logged in, but your account has no access to this page.',
  link: 'Log in with another account',
}
const UNAVAILABLE: PageText = {
  title: 'Please try again in a moment',
  text: 'Your login cannot be checked at the moment. You do not need to log in again. Reload this page in a few minutes.',
}
const ENROLMENT_REQUIRED: PageText = {
  title: 'This page needs a second factor',
  text: 'Your account has no second factor yet. Set one up in the settings of your account, for example an authenticator app, a security key or backup codes. Then open this page again.',
}
const SECOND_FACTOR: PageText = {
  title: 'This page needs a second factor',
  text: 'You logged in without a second factor. If your account has none yet, set one up in the settings of your account first, for example an authenticator app, a security key or backup codes.',
  link: 'Use your second factor',
}
const REAUTHENTICATION: PageText = {
  title: 'This page needs a new login',
  text: 'This page requires a more recent login or another login method. If your account does not have that method yet, set it up in the settings of your account first.',
  link: 'Log in again',
}

function pageTextOf({ code, status, hints }: Denial): PageText {
  if (hints?.enrollmentRequired === true) return ENROLMENT_REQUIRED
  if (code === 'second_factor_required') return SECOND_FACTOR
  if (code === 'reauthentication_required') return REAUTHENTICATION
  if (status === 403) return NOT_ALLOWED
  return status === 401 ? NOT_LOGGED_IN : UNAVAILABLE
}

/**
 * The page with the status of the denial, or Oathkeeper's JSON for a client that does not accept HTML.
 * `login`: target of the replaced redirect, if any.
 */
export function explanationPage(denial: Denial, request: RequestView, login = ''): DenialResponse {
  if (!acceptsHtml(request)) return jsonErrorResponse(denial, request, false)
  const { title, text, link } = pageTextOf(denial)
  const settings = denial.status === 403 ? settingsUrl(login) : undefined
  const links = [
    ...(settings === undefined ? [] : [linkTo(settings, 'Settings of your account')]),
    ...(link === undefined ? [] : [linkTo(login, link)]),
  ]
  const head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
  const body = `<!doctype html><html lang="en">${head}<title>${title}</title><h1>${title}</h1><p>${text}</p><p>${links.join(' · ')}</p></html>\n`
  return {
    status: denial.status,
    headers: [{ name: 'content-type', value: 'text/html; charset=utf-8' }, ...NO_STORE_HEADERS],
    body: request.method === 'HEAD' ? '' : body,
  }
}

const LOGIN_FLOW = '/self-service/login/browser'

/** URL of the settings flow of the Kratos whose login flow is `login`. `undefined` for any other URL. */
function settingsUrl(login: string): string | undefined {
  const path = login.split('?', 1)[0] as string
  return path.endsWith(LOGIN_FLOW)
    ? `${path.slice(0, -LOGIN_FLOW.length)}/self-service/settings/browser`
    : undefined
}

/**
 * `to` comes from the configuration or from Kratos and is an http URL or a path, so it cannot be a script.
 */
const linkTo = (to: string, label: string): string => `<a href="${escapeHtml(to)}">${label}</a>`

/** Escapes text for HTML content and quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, character => (character === '&' ? '&amp;' : `&#${character.charCodeAt(0)};`))
