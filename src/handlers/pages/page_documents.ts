/** The HTML documents of one language, complete at load except for what differs by request. */
import { escapeHtml } from './escape_html.ts'
import { pageActions } from './page_actions.ts'
import type { PageKind, PageText, PageTexts } from './texts/page_texts.ts'

/** What the documents of all kinds and languages have in common, as HTML. */
export interface PageShell {
  /** What follows the heading in the title of the window. */
  readonly titleSuffix: string
  /** From the end of the title to the beginning of `main`. */
  readonly top: string
  /** Empty: none. */
  readonly supportUrl: string
}

/** The values of a request: the URL of a login that may lift the denial, an id that is safe to show, and the time. */
interface RequestValues {
  readonly login: string | undefined
  /** Empty: none. Contains no character that HTML escapes. */
  readonly reference: string
  /** RFC 3339, in UTC and whole seconds. */
  readonly time: string
}

/** Completes the document of a kind. */
export type CompleteDocument = (kind: PageKind, values: RequestValues) => string

/** `language` is a tag of BCP 47. */
export function compileDocuments(language: string, texts: PageTexts, shell: PageShell): CompleteDocument {
  const compiled = new Map(
    (Object.entries(texts.pages) as [PageKind, PageText][]).map(([kind, { title, text }]) => {
      const heading = escapeHtml(title)
      const beginning = `<!doctype html>\n<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>${heading}${shell.titleSuffix}${shell.top}<h1>${heading}</h1><p>${escapeHtml(text)}</p>`
      return [kind, { beginning, actions: pageActions(kind, texts, undefined) }]
    }),
  )
  const label = escapeHtml(texts.reference)
  const support =
    shell.supportUrl === ''
      ? ''
      : `<p><a href="${escapeHtml(shell.supportUrl)}">${escapeHtml(texts.contactSupport)}</a></p>`
  const end = `${support}</footer></body></html>\n`

  return (kind, { login, reference, time }) => {
    const { beginning, actions } = compiled.get(kind) as { beginning: string; actions: string }
    const links = login === undefined ? actions : pageActions(kind, texts, login)
    const id = reference === '' ? '' : `<p>${label}: <code>${reference}</code></p>`
    const shown = `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`
    return `${beginning}${links}</main><footer>${id}<p><time datetime="${time}">${shown}</time></p>${end}`
  }
}
