/** Finds words that docs/forbidden-words.json forbids, because the field has a standard term for the thing. */
import { matchesGlob } from 'node:path'
import type { Problem, TextFile } from './problem.ts'

/** `pattern` is a regular expression, compared without regard to case. `allow` lists files where the word is right. */
export interface ForbiddenWord {
  readonly pattern: string
  readonly instead: string
  readonly allow?: readonly string[]
}

/** Reports every occurrence with the text found, and what to write instead. */
export function findForbiddenWords(files: readonly TextFile[], words: readonly ForbiddenWord[]): Problem[] {
  const compiled = words.map(word => ({ ...word, expression: new RegExp(word.pattern, 'giu') }))
  return files.flatMap(file => {
    const applicable = compiled.filter(word => !word.allow?.some(glob => matchesGlob(file.path, glob)))
    return file.text.split(/\r?\n/).flatMap((text, index) =>
      applicable.flatMap(({ expression, instead }) =>
        [...text.matchAll(expression)].map(match => ({
          path: file.path,
          line: index + 1,
          message: `"${match[0]}": write ${instead} instead`,
        })),
      ),
    )
  })
}
