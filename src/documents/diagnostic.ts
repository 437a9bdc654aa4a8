/** lib/issue — what is wrong with a file, where, and what to do. Knows nothing of access control. */

/** Keys and indices from the top of a document to a value. */
export type DocumentPath = readonly (string | number)[]

export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  /** File or URL, without credentials. */
  readonly source: string
  /** 1-based; 0 where there is no place in a text (environment, flags). */
  readonly line: number
  readonly column: number
  /** The key, as a user would write it: `authenticators.cookie_session.config.only[0]`. */
  readonly path: string
  readonly message: string
  /** What to do about it; empty where the message says it. */
  readonly hint: string
}

/** `a.b[0].c`; keys that contain dots are quoted. */
export function formatPath(path: DocumentPath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

/** Sorted by file, line and column, as a compiler shows them. */
export function sortDiagnostics(issues: readonly Diagnostic[]): Diagnostic[] {
  return [...issues].sort(
    (a, b) =>
      // Nearly all are of one file, and comparing texts by language takes its time.
      (a.source === b.source ? 0 : a.source.localeCompare(b.source)) ||
      a.line - b.line ||
      a.column - b.column ||
      a.path.localeCompare(b.path),
  )
}

/** `rules.json:12:7: error: authenticators[0].handler: unknown handler "jwtt" (did you mean "jwt"?)` */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const location =
    diagnostic.line > 0 ? `${diagnostic.source}:${diagnostic.line}:${diagnostic.column}` : diagnostic.source
  const path = diagnostic.path === '' ? '' : `${diagnostic.path}: `
  const hint = diagnostic.hint === '' ? '' : ` (${diagnostic.hint})`
  return `${location}: ${diagnostic.severity}: ${path}${diagnostic.message}${hint}`
}
