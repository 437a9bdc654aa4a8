/** The HTML pages that browsers get for denials. Everything but the reference, the time and a login URL is made at load. */
import { hash } from 'node:crypto'
import type { Denial } from '../../access/denial.ts'
import type { DenialResponse } from '../../access/pipeline.ts'
import type { RequestView } from '../../access/request.ts'
import type { Header } from '../../access/session.ts'
import type { Clock } from '../../lib/time.ts'
import { acceptsHtml } from '../responses/accepts_html.ts'
import { challengeHeaders, NO_STORE_HEADERS } from '../responses/error_body.ts'
import { textColorOn } from './accent.ts'
import { BASE_STYLE, DESIGN_TOKENS } from './design_tokens.ts'
import { escapeHtml } from './escape_html.ts'
import { LANGUAGES, type Language, preferredLanguage, TEXTS } from './language.ts'
import { type CompleteDocument, compileDocuments, type PageShell } from './page_documents.ts'
import { pageKindOf } from './page_kind.ts'

export interface RefusalPageOptions {
  /** Whether pages replace the JSON of `errors.fallback`. The pages of the handler `redirect` do not depend on it. */
  readonly enabled: boolean
  /** Name of the site; empty: none. */
  readonly title: string
  /** A data: URL or a path; empty: none. */
  readonly logo: string
  /** `#rgb` or `#rrggbb`. */
  readonly accent: string | undefined
  /** Empty: none. */
  readonly supportUrl: string
  readonly language: Language | 'auto'
}

export interface RefusalPages {
  /**
   * The page of a denial, with its status. `login` is the URL of a login that may lift the denial. A HEAD request gets
   * the headers only.
   */
  render(denial: Denial, request: RequestView, login?: string): DenialResponse
  /** The page if pages are enabled and the request is that of a browser that opens a page, else `undefined`. */
  renderForBrowser(denial: Denial, request: RequestView): DenialResponse | undefined
}

const PAGE_STYLE = `
body{display:flex;flex-direction:column;gap:1.25rem;max-width:38rem;min-height:100vh;margin:0 auto;padding:1.5rem 1rem}
header{display:flex;align-items:center;gap:.75rem;font-weight:600}
header img{max-width:12rem;max-height:2.5rem}
main{padding:1.5rem;background:var(--surface);border:1px solid var(--line);border-radius:.75rem}
main p:last-child{margin:0}
footer{color:var(--muted);font-size:.875rem}
footer p{margin:0}
footer a{display:inline-block;padding:.25rem 0}
`

/** Characters of an id that the page may show. A client may have chosen the id, so it must not look like an address. */
const REFERENCE = /^[A-Za-z0-9._:-]{1,128}$/

const CONTENT_TYPE: Header = { name: 'content-type', value: 'text/html; charset=utf-8' }

/** Makes the pages of a configuration, whose values must be valid. `clock` is the source of the time that a page shows. */
export function createRefusalPages(options: RefusalPageOptions, clock: Pick<Clock, 'wall'>): RefusalPages {
  const { enabled, title, logo, language, supportUrl } = options
  const style = `${DESIGN_TOKENS}${accentStyle(options.accent)}${BASE_STYLE}${PAGE_STYLE}`
  const headers: readonly Header[] = [
    CONTENT_TYPE,
    ...NO_STORE_HEADERS,
    { name: 'content-security-policy', value: contentSecurityPolicy(style, logo) },
    // The address of the refused page may hold a token, which no other site may see.
    { name: 'referrer-policy', value: 'no-referrer' },
  ]
  const shell: PageShell = {
    titleSuffix: title === '' ? '' : ` · ${escapeHtml(title)}`,
    top: `</title><style>${style}</style></head><body>${banner(title, logo)}<main>`,
    supportUrl,
  }
  const documents = new Map(LANGUAGES.map(one => [one, compileDocuments(one, TEXTS[one], shell)]))

  function render(denial: Denial, request: RequestView, login?: string): DenialResponse {
    const chosen =
      language === 'auto' ? preferredLanguage(request.headerValues('accept-language').join()) : language
    const completeDocument = documents.get(chosen) as CompleteDocument
    const body =
      request.method === 'HEAD'
        ? ''
        : completeDocument(pageKindOf(denial, login), {
            login: login ?? denial.hints?.loginUrl,
            reference: REFERENCE.test(request.requestId) ? request.requestId : '',
            time: `${new Date(clock.wall()).toISOString().slice(0, 19)}Z`,
          })
    return { status: denial.status, headers: [...headers, ...challengeHeaders(denial)], body }
  }

  return {
    render,
    renderForBrowser: (denial, request) =>
      enabled && opensPage(request) ? { ...render(denial, request), errorHandler: 'page' } : undefined,
  }
}

/**
 * Whether a browser loads the request as a page. Scripts of a page say so in Sec-Fetch-Mode (W3C Fetch Metadata);
 * browsers leave the header out on plain http. A HEAD request shows no page.
 */
const opensPage = (request: RequestView): boolean =>
  request.method !== 'HEAD' &&
  (request.header('sec-fetch-mode') ?? 'navigate') === 'navigate' &&
  acceptsHtml(request)

const accentStyle = (accent: string | undefined): string =>
  accent === undefined ? '' : `:root{--accent:${accent};--on-accent:${textColorOn(accent)}}`

/** The page loads its logo and nothing else. Its only style is the one with this hash (CSP Level 3). */
function contentSecurityPolicy(style: string, logo: string): string {
  const images = logo === '' ? [] : [`img-src ${logo.startsWith('data:') ? 'data:' : "'self'"}`]
  return [
    "default-src 'none'",
    `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
    ...images,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** The logo has no text of its own: the title beside it names the site. */
function banner(title: string, logo: string): string {
  if (title === '' && logo === '') return ''
  const image = logo === '' ? '' : `<img src="${escapeHtml(logo)}" alt="">`
  return `<header>${image}${title === '' ? '' : `<span>${escapeHtml(title)}</span>`}</header>`
}
