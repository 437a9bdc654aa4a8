/** config/files — a configuration file as text, or why it cannot be read. Knows no key. */
import type { Diagnostic } from '../documents/issue.ts'
import { readTextFile } from '../documents/text_file.ts'

export interface ConfigFile {
  readonly source: string
  readonly text: string
}

export async function readConfigFile(source: string): Promise<ConfigFile | { readonly issue: Diagnostic }> {
  const read = await readTextFile(source)
  if ('text' in read) return { source, text: read.text }
  const { reason: message, hint } = read
  return { issue: { severity: 'error', source, line: 0, column: 0, path: '', message, hint } }
}
