/** lib/text_file — a file as text, or why it cannot be had and what to do, for people. Knows no format. */
import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'

export interface UnreadableFile {
  readonly reason: string
  readonly hint: string
}

/** `written` is the path as people wrote it, where that is another. A byte order mark stays in the text. */
export async function readTextFile(
  path: string,
  displayPath = path,
): Promise<{ readonly text: string } | UnreadableFile> {
  try {
    const bytes = await readFile(path)
    if (isUtf8(bytes)) return { text: bytes.toString() }
    // Decoded nevertheless it would match other URLs than its author sees (UTF-16 of Windows, Latin-1).
    return { reason: 'is not UTF-8', hint: 'save it as UTF-8' }
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException
    return { reason: `cannot be read: ${REASONS.get(code) ?? code}`, hint: hintFor(code, path, displayPath) }
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a folder'],
  ['EACCES', 'permission denied'],
])

function hintFor(code: string, path: string, displayPath: string): string {
  if (code === 'ENOENT' && !isAbsolute(displayPath)) return `it was looked for at ${resolve(path)}`
  if (code === 'EISDIR') return 'name a file in it'
  return code === 'EACCES' ? `the user with id ${process.getuid?.() ?? '?'} must be able to read it` : ''
}
