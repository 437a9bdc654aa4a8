/** The types that the checks of `npm run check` for words, links and line lengths share. */

/** A text file of the repository. `path` is relative to the root and has forward slashes. */
export interface TextFile {
  readonly path: string
  readonly text: string
}

/** What a check found. `line` counts from 1; `message` says what is wrong and what to write instead. */
export interface Problem {
  readonly path: string
  readonly line: number
  readonly message: string
}
