/** What the pages of the demo share: request, response and layout. Their design is that of Credence's own pages. */
import { BASE_STYLE, DESIGN_TOKENS } from '../../src/handlers/pages/design_tokens.ts'
import { escapeHtml } from '../../src/handlers/pages/escape_html.ts'
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

const LAYOUT = `
body{max-width:44rem;margin:0 auto;padding:1.5rem 1rem}
header{margin-bottom:1.25rem;font-weight:600}
main{padding:1.5rem;background:var(--surface);border:1px solid var(--line);border-radius:.75rem}
main>:last-child,section>:last-child{margin-bottom:0}
footer{margin-top:1.25rem;color:var(--muted);font-size:.875rem}
h2{font-size:1.125rem;margin:1.5rem 0 .5rem}
table{width:100%;border-collapse:collapse}
caption{text-align:left;color:var(--muted);font-size:.875rem}
th,td{padding:.25rem .5rem .25rem 0;border-bottom:1px solid var(--line);font:.875rem/1.5 var(--mono);text-align:left;vertical-align:top}
th{width:40%}
mark{padding:.1rem .4rem;border-radius:.25rem;background:var(--accent);color:var(--on-accent)}
summary{min-height:1.75rem;margin-top:1rem;cursor:pointer}
label{display:block;margin:1rem 0 .25rem;font-weight:600}
input{width:100%;max-width:24rem;min-height:2.75rem;padding:.5rem .75rem;border:1px solid var(--muted);border-radius:.5rem;background:var(--page);color:inherit;font:inherit}
button{margin-top:1rem}
form{margin-bottom:1rem}
.notice,.error{padding:.75rem 1rem;border-left:4px solid var(--accent);background:var(--notice)}
.error{border-color:var(--error);background:none}
.field-error{color:var(--error)}
`

/** Renders a whole page. The footer names the Kratos, because the stand-in must not be taken for a real one. */
export function renderPage(title: string, body: string, kratosDescription: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)} · Credence demo</title><style>${DESIGN_TOKENS}${BASE_STYLE}${LAYOUT}</style></head>
<body><header><a href="/">Credence demo</a></header>
<main><h1>${escapeHtml(title)}</h1>
${body}
</main><footer>Sessions come from ${escapeHtml(kratosDescription)}.</footer>
</body></html>
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
