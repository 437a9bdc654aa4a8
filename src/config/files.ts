/** config/files — a configuration file as text, or why it cannot be read. Knows no key. */
import type { Issue } from '../documents/issue.ts'
import { readTextFile } from '../documents/text_file.ts'

export interface ConfigText {
  readonly source: string
  readonly text: string
}

export async function readConfigFile(source: string): Promise<ConfigText | { readonly issue: Issue }> {
  const read = await readTextFile(source)
  if ('text' in read) return { source, text: read.text }
  const { fault: message, hint } = read
  return { issue: { severity: 'error', source, line: 0, column: 0, path: '', message, hint } }
}
