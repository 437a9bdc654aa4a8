/** A diagnostic: what is wrong with a configuration or rule file, where, and how to fix it. */

/** Keys and indices from the root of a document to a value. */
export type DocumentPath = readonly (string | number)[]

export interface Diagnostic {
  /** `notice`: worth knowing, and right in a file that is written for Credence. */
  readonly severity: 'error' | 'warning' | 'notice'
  /** File or URL without credentials, or the name of another source such as the environment. */
  readonly source: string
  /** 1-based; 0 if the source has no lines (environment, flags). */
  readonly line: number
  readonly column: number
  /** The key, as a user would write it: `authenticators.cookie_session.config.only[0]`. */
  readonly path: string
  readonly message: string
  /** How to fix it; empty if the message says so. */
  readonly hint: string
}

/** Where a diagnostic is: a value in a source. */
export type DiagnosticLocation = Pick<Diagnostic, 'source' | 'line' | 'column' | 'path'>

/** `a.b[0].c`; a key with other characters than letters, digits, `_` and `-` is quoted: `a["b.c"]`. */
export function formatPath(path: DocumentPath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

/** Sorts by source, line, column and path. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort(
    (a, b) =>
      // `localeCompare` is slow, and nearly all diagnostics have the same source.
      (a.source === b.source ? 0 : a.source.localeCompare(b.source)) ||
      a.line - b.line ||
      a.column - b.column ||
      a.path.localeCompare(b.path),
  )
}

/** Formats like a compiler: `rules.json:12:7: error: authenticators[0].handler: unknown handler "jwtt" (did you mean "jwt"?)` */
export function formatDiagnostic(
  diagnostic: Omit<Diagnostic, 'severity'> & { readonly severity: string },
): string {
  const location =
    diagnostic.line > 0 ? `${diagnostic.source}:${diagnostic.line}:${diagnostic.column}` : diagnostic.source
  const path = diagnostic.path === '' ? '' : `${diagnostic.path}: `
  const hint = diagnostic.hint === '' ? '' : ` (${diagnostic.hint})`
  return `${location}: ${diagnostic.severity}: ${path}${diagnostic.message}${hint}`
}
