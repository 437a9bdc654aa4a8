/** The button of a page, and the link beside it. */
import { escapeHtml } from './escape_html.ts'
import type { PageKind, PageTexts } from './texts/page_texts.ts'

/** Pages of errors that another try may resolve. The link has no target, so that it names the page itself. */
const RETRY: ReadonlySet<PageKind> = new Set(['login_required', 'rate_limited', 'failure', 'unavailable'])
/** Pages about an account that may lack what the page requires. */
const ACCOUNT: ReadonlySet<PageKind> = new Set([
  'enrollment_required',
  'second_factor_required',
  'reauthentication_required',
])

/** `login`: URL of a login that may lift the denial; it is an http URL or a path, so it cannot be a script. */
export function pageActions(kind: PageKind, texts: PageTexts, login: string | undefined): string {
  const label = texts.pages[kind].login
  const settings = login === undefined || !ACCOUNT.has(kind) ? undefined : settingsUrl(login)
  if (login !== undefined && label !== undefined) {
    const more = settings === undefined ? '' : paragraph(settings, texts.accountSettings)
    return `${paragraph(login, label, 'button')}${more}`
  }
  if (settings !== undefined) return paragraph(settings, texts.accountSettings, 'button')
  return RETRY.has(kind) ? paragraph('', texts.tryAgain, 'button') : paragraph('/', texts.startPage, 'button')
}

const paragraph = (url: string, label: string, style?: 'button'): string =>
  `<p><a${style === undefined ? '' : ` class="${style}"`} href="${escapeHtml(url)}">${escapeHtml(label)}</a></p>`

const LOGIN_FLOW = '/self-service/login/browser'

/** URL of the settings flow of the Kratos whose login flow is `login`. `undefined` for any other URL. */
function settingsUrl(login: string): string | undefined {
  const path = login.split('?', 1)[0] as string
  return path.endsWith(LOGIN_FLOW)
    ? `${path.slice(0, -LOGIN_FLOW.length)}/self-service/settings/browser`
    : undefined
}
