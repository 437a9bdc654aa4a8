/** Reports documents of a text that are not read: readers take the first one, as Oathkeeper does. */
import type { Diagnostic } from './diagnostic.ts'
import type { YamlDocument } from './yaml.ts'

/** The warning, where the text has a second document. `source` is its file. */
export function reportSecondDocument(
  { second }: YamlDocument,
  source: string,
  diagnostics: Diagnostic[],
): void {
  if (second === undefined) return
  const message = 'a second document begins here and is not read'
  const hint = 'remove the line "---", or write it to a file of its own'
  diagnostics.push({ severity: 'warning', source, ...second, path: '', message, hint })
}
