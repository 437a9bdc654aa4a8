/** The front page, the admin page, the vault and the error page of the demo. */
import { escapeHtml, type ReceivedRequest, renderPage } from './page.ts'

export const frontPage = (kratosDescription: string): string =>
  renderPage(
    'Credence, a demo',
    '<p>This page is public. <a href="/admin">The admin page</a> requires a session.</p>',
    kratosDescription,
  )

/** Trusts the identity headers, because Envoy removes those of the client and sets those of Credence. */
export function adminPage(request: ReceivedRequest, kratosDescription: string): string {
  const who = request.headers['x-user-email'] ?? request.headers['x-user-id'] ?? 'unknown'
  const rows = Object.entries(request.headers).map(
    ([name, value]) =>
      `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(shortenCookies(name, value))}</td></tr>`,
  )
  return renderPage(
    'Admin page',
    `<p>Hello, <b>${escapeHtml(who)}</b>. Credence allowed this request.</p>
<p><a href="/vault">The vault</a> requires a second factor. <a href="/settings">Set one up</a>. <a href="/logout">Log out</a>.</p>
<h2>Headers that reached the application</h2>
<table>${rows.join('\n')}</table>`,
    kratosDescription,
  )
}

export function vaultPage(request: ReceivedRequest, kratosDescription: string): string {
  const who = escapeHtml(request.headers['x-user-email'] ?? 'unknown')
  const body = `<p>Hello, <b>${who}</b>: this session has a second factor.</p><p><a href="/admin">Back</a></p>`
  return renderPage('The vault', body, kratosDescription)
}

/** Shortens cookie values, because a session cookie is a credential and the page may be seen by others. */
const shortenCookies = (name: string, value: string): string =>
  name === 'cookie' ? value.replaceAll(/=[^;]{12}[^;]*/g, cut => `${cut.slice(0, 9)}…`) : value

export function errorPage(
  id: string,
  dependencies: { readonly kratosPublicUrl: string; readonly kratosDescription: string },
): string {
  const link = `${dependencies.kratosPublicUrl}/self-service/errors?id=${encodeURIComponent(id)}`
  const body = `<p class="message">Kratos reported an error: <a href="${escapeHtml(link)}">details</a>.</p><p><a href="/admin">Try again</a></p>`
  return renderPage('Something went wrong', body, dependencies.kratosDescription)
}
