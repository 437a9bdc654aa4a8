/** demo/pages — the HTML of the demo: a front page, the admin page, Kratos' errors. Knows no sessions. */
import { escapeHtml, type ReceivedRequest, renderPage } from './page.ts'
export const frontPage = (kratosDescription: string): string =>
  renderPage(
    'Credence, a demo',
    '<p>Everybody may see this page. <a href="/admin">The admin page</a> asks who you are.</p>',
    kratosDescription,
  )

/** Believes the headers that Credence has set: nothing else can have set them. */
export function adminPage(request: ReceivedRequest, kratosDescription: string): string {
  const who = request.headers['x-user-email'] ?? request.headers['x-user-id'] ?? 'nobody'
  const rows = Object.entries(request.headers).map(
    ([name, value]) =>
      `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(shortenCookies(name, value))}</td></tr>`,
  )
  return renderPage(
    'Admin page',
    `<p>Hello, <b>${escapeHtml(who)}</b>. You got here because Credence told Envoy to let you in.</p>
<p><a href="/vault">The vault</a> wants a second factor. <a href="/settings">Set one up</a>. <a href="/logout">Log out</a>.</p>
<h2>What arrived here</h2>
<table>${rows.join('\n')}</table>`,
    kratosDescription,
  )
}

export function vaultPage(request: ReceivedRequest, kratosDescription: string): string {
  const who = escapeHtml(request.headers['x-user-email'] ?? 'nobody')
  const body = `<p>Hello, <b>${who}</b>: you have shown a second factor.</p><p><a href="/admin">Back</a></p>`
  return renderPage('The vault', body, kratosDescription)
}

/** A session cookie is a key to the house, and a page may be shown to others. */
const shortenCookies = (name: string, value: string): string =>
  name === 'cookie' ? value.replaceAll(/=[^;]{12}[^;]*/g, cut => `${cut.slice(0, 9)}…`) : value

export function errorPage(
  id: string,
  dependencies: { readonly kratosPublicUrl: string; readonly kratosIs: string },
): string {
  const link = `${dependencies.kratosPublicUrl}/self-service/errors?id=${encodeURIComponent(id)}`
  const body = `<p class="told">Kratos refused: <a href="${escapeHtml(link)}">its reason</a>.</p><p><a href="/admin">Try again</a></p>`
  return renderPage('Something went wrong', body, dependencies.kratosIs)
}
