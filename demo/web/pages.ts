/** The front page, the admin page, the vault and the error page of the demo. */
import { escapeHtml } from '../../src/handlers/pages/escape_html.ts'
import { type ReceivedRequest, renderPage } from './page.ts'

export const frontPage = (kratosDescription: string): string =>
  renderPage(
    'A public page',
    '<p>This page needs no session. The admin page requires one.</p><p><a class="button" href="/admin">Open the admin page</a></p>',
    kratosDescription,
  )

/** The headers that rules/admin-page.yaml and rules/second-factor.yaml set. */
const HEADERS_OF_CREDENCE: ReadonlySet<string> = new Set(['x-user-id', 'x-user-email'])

/** Trusts the identity headers, because Envoy removes those of the client and sets those of Credence. */
export function adminPage(request: ReceivedRequest, kratosDescription: string): string {
  const who = request.headers['x-user-email'] ?? request.headers['x-user-id'] ?? 'unknown'
  const headers = Object.entries(request.headers)
  const ofCredence = headers.filter(([name]) => HEADERS_OF_CREDENCE.has(name))
  const others = headers.filter(([name]) => !HEADERS_OF_CREDENCE.has(name))
  return renderPage(
    'Admin page',
    `<p>Hello, <b>${escapeHtml(who)}</b>. Credence allowed this request.</p>
<p><a href="/vault">The vault</a> requires a second factor. <a href="/settings">Set one up</a>. <a href="/logout">Log out</a>.</p>
<h2>What the application learned about you</h2>
${headerTable('Credence set these headers. Values that the browser sent under these names were removed.', ofCredence, name => `<mark>${name}</mark>`)}
<details><summary>${others.length} other headers, from the browser and Envoy</summary>
${headerTable('As the application received them. Cookies are shortened.', others, name => name)}
</details>`,
    kratosDescription,
  )
}

function headerTable(
  caption: string,
  headers: readonly (readonly [name: string, value: string])[],
  showName: (escaped: string) => string,
): string {
  const rows = headers.map(
    ([name, value]) =>
      `<tr><th scope="row">${showName(escapeHtml(name))}</th><td>${escapeHtml(shortenCookies(name, value))}</td></tr>`,
  )
  return `<table><caption>${caption}</caption><tbody>${rows.join('\n')}</tbody></table>`
}

export function vaultPage(request: ReceivedRequest, kratosDescription: string): string {
  const who = escapeHtml(request.headers['x-user-email'] ?? 'unknown')
  const body = `<p>Hello, <b>${who}</b>: this session has a second factor.</p><p><a href="/admin">Back to the admin page</a></p>`
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
  const body = `<p class="error">Kratos reported an error: <a href="${escapeHtml(link)}">details</a>.</p><p><a class="button" href="/admin">Try again</a></p>`
  return renderPage('Something went wrong', body, dependencies.kratosDescription)
}
