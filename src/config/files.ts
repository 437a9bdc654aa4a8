/** config/files — a configuration file as text, or why it cannot be read. Knows no key. */
import { readFile } from 'node:fs/promises'
import type { Issue } from '../lib/issue.ts'

export interface ConfigText {
  readonly source: string
  readonly text: string
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a folder'],
  ['EACCES', 'not allowed'],
])

export async function readConfigFile(source: string): Promise<ConfigText | { readonly issue: Issue }> {
  try {
    return { source, text: await readFile(source, 'utf8') }
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException
    const message = `cannot be read: ${REASONS.get(code) ?? code}`
    const hint = 'name configuration files with --config FILE'
    return { issue: { severity: 'error', source, line: 0, column: 0, path: '', message, hint } }
  }
}
