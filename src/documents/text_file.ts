/** Reads a text file, or explains why it cannot be read. */
import { isUtf8 } from 'node:buffer'
import { readFile } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'

export interface UnreadableFile {
  readonly reason: string
  readonly hint: string
}

/**
 * Reads UTF-8; a byte order mark stays in the text. `displayPath` is the path as the user wrote it, if it differs. The
 * reason and the hint of a failure do not repeat the path, except to resolve a relative one.
 */
export async function readTextFile(
  path: string,
  displayPath = path,
): Promise<{ readonly text: string } | UnreadableFile> {
  try {
    const bytes = await readFile(path)
    if (isUtf8(bytes)) return { text: bytes.toString() }
    // Decoding it anyway (UTF-16, Latin-1) would produce rules that match other URLs than the author sees.
    return { reason: 'is not UTF-8', hint: 'save it as UTF-8' }
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException
    return { reason: `cannot be read: ${REASONS.get(code) ?? code}`, hint: hintFor(code, path, displayPath) }
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'the file does not exist'],
  ['EISDIR', 'it is a directory'],
  ['EACCES', 'permission denied'],
])

function hintFor(code: string, path: string, displayPath: string): string {
  if (code === 'ENOENT' && !isAbsolute(displayPath)) return `it resolves to ${resolve(path)}`
  if (code === 'EISDIR') return 'give the path of a file'
  return code === 'EACCES' ? `the user with id ${process.getuid?.() ?? '?'} must be able to read it` : ''
}
