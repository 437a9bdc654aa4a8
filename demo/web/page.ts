/** What the pages of the demo share: request, response, layout and escaping. */
import type { TokenIssuer } from './token_issuer.ts'

export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  /** Names in lower case; several lines with one name are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>
}

export interface PageResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
}

export const htmlResponse = (body: string, status = 200): PageResponse => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
  body,
})

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #222 }
  code, td { font-family: ui-monospace, monospace; font-size: .875rem } td { padding: .1rem 1rem .1rem 0; vertical-align: top }
  td + td { overflow-wrap: anywhere } label { display: block; margin: .8rem 0 .2rem } input { font: inherit; padding: .4rem; width: 18rem }
  button { font: inherit; padding: .4rem 1.2rem; margin-top: 1rem } .message { color: #a30 } footer { margin-top: 3rem; color: #777 }`

/** Renders a whole page. The footer names the Kratos, because the stand-in must not be taken for a real one. */
export function renderPage(title: string, body: string, kratosDescription: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>
${body}
<footer>Sessions come from ${escapeHtml(kratosDescription)}.</footer>
</html>
`
}

export interface UpstreamDependencies {
  readonly port: number
  /** URL for the browser, without a trailing slash. */
  readonly kratosPublicUrl: string
  /** Shown in the footer of each page. */
  readonly kratosDescription: string
  readonly tokenIssuer: TokenIssuer
}
