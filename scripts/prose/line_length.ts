/** Finds lines of Markdown that are too long to review in a diff. */
import { readLines } from './markdown.ts'
import type { Problem, TextFile } from './problem.ts'

/** Counted in characters. */
const MAX_LINE_CHARACTERS = 120

/** A line that holds one link or URL only, after a list marker if any. Such a line cannot be wrapped. */
const LINK_ONLY =
  /^\s*(?:>\s*)*(?:(?:[-*+]|\d+[.)])\s+)?(?:!?\[[^\]]*\](?:\([^)]*\)|:\s+\S+|\[[^\]]*\])|<?https?:\/\/\S+>?)\s*[.,;]?\s*$/

/** Tables, code blocks, HTML comments and lines with nothing but a link may be longer. */
export function findLongLines(files: readonly TextFile[]): Problem[] {
  return files
    .filter(file => file.path.endsWith('.md'))
    .flatMap(file =>
      readLines(file.text)
        .filter(({ kind, text }) => (kind === 'text' || kind === 'heading') && !LINK_ONLY.test(text))
        .map(({ number, text }) => ({ number, length: [...text].length }))
        .filter(({ length }) => length > MAX_LINE_CHARACTERS)
        .map(({ number, length }) => ({
          path: file.path,
          line: number,
          message: `line has ${length} characters; wrap it at ${MAX_LINE_CHARACTERS}`,
        })),
    )
}
