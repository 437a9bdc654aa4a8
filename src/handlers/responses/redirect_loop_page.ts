/** handlers/parts/login_stopped — a plain page instead of one redirect too many: says why, and what to do. Knows denials, no session. */
import type { Denial } from '../../access/denial.ts'
import type { DenialResponse } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import { acceptsHtml } from './accepts_html.ts'
import { jsonErrorResponse, NO_STORE_HEADERS } from './error_body.ts'

interface PageText {
  readonly title: string
  readonly text: string
  /** What the link to the login is called; none where logging in cannot help. */
  readonly link?: string
}

const NOT_LOGGED_IN: PageText = {
  title: 'You are not logged in here',
  text: 'You came back from the login, and this page still does not see a session. Either the browser does not send the session cookie to this site (cookies are blocked, or the cookie belongs to another host), or sessions cannot be checked at the moment.',
  link: 'Log in',
}
const NOT_ALLOWED: PageText = {
  title: 'This page is not for you',
  text: 'You are logged in, and logging in again does not change what you may see.',
  link: 'Log in as somebody else',
}
const UNAVAILABLE: PageText = {
  title: 'Please try again in a moment',
  text: 'Whether you are logged in cannot be found out just now. Logging in again would not help; the page is there again when you load it anew.',
}
const ENROLMENT_REQUIRED: PageText = {
  title: 'This page needs a second factor',
  text: 'Your account has none yet. Set one up first (an authenticator app, a security key, backup codes), in the settings of your account; then come back.',
}
const SECOND_FACTOR: PageText = {
  title: 'This page needs a second factor',
  text: 'Your session has none. If your account has no second factor yet (an authenticator app, a security key, backup codes), set one up first, in the settings of your account; then come back.',
  link: 'Give the second factor',
}
const REAUTHENTICATION: PageText = {
  title: 'This page needs a new login',
  text: 'It wants a login that is more recent, or made by another method, than the one that your session has. If your account does not have that method yet, set it up first, in the settings of your account; then come back.',
  link: 'Log in again',
}

function pageTextOf({ code, status, hints }: Denial): PageText {
  if (hints?.enrol === true) return ENROLMENT_REQUIRED
  if (code === 'second_factor_required') return SECOND_FACTOR
  if (code === 'reauthentication_required') return REAUTHENTICATION
  if (status === 403) return NOT_ALLOWED
  return status === 401 ? NOT_LOGGED_IN : UNAVAILABLE
}

/** With the denial's own status. Who does not read HTML gets Oathkeeper's JSON. `login`: where the redirect would have led, if anywhere. */
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

/** Where Kratos lets people set up a second factor, beside its login. */
function settingsUrl(login: string): string | undefined {
  const path = login.split('?', 1)[0] as string
  return path.endsWith(LOGIN_FLOW)
    ? `${path.slice(0, -LOGIN_FLOW.length)}/self-service/settings/browser`
    : undefined
}

/** Nobody's link is a script: `login` is the configuration's or Kratos' own http(s) URL, or a path. */
const linkTo = (to: string, label: string): string => `<a href="${escapeHtml(to)}">${label}</a>`

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, character => (character === '&' ? '&amp;' : `&#${character.charCodeAt(0)};`))
