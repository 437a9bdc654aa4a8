/** Paths of the checkout, and how the scripts report progress and errors. */
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Folder for downloads and builds that take minutes; each has its version in its name. Safe to delete. */
export const cacheFolder = process.env.CREDENCE_CACHE || join(projectRoot, '.cache')

/** Writes one progress line to stderr, so that stdout holds nothing but the script's result. */
export const logProgress = text => process.stderr.write(`${text}\n`)

/** An error that the user can fix. `runMain` prints its message without a stack trace. */
export class UserError extends Error {}

/** Returns the first program of that name on PATH, or undefined. */
export function findOnPath(name) {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd', ''] : ['']
  for (const folder of (process.env.PATH || '').split(delimiter)) {
    for (const suffix of suffixes) {
      const file = join(folder, name + suffix)
      if (folder !== '' && existsSync(file)) return file
    }
  }
  return undefined
}

/** Returns true when `url`, the `import.meta.url` of a script, is the program that Node was started with. */
export const isEntryPoint = url => process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1]

/** Runs a script and sets the exit code: what `work` returns, 0 for undefined, 1 after an error. */
export async function runMain(work) {
  try {
    process.exitCode = (await work()) ?? 0
  } catch (error) {
    logProgress(error instanceof UserError ? `\n${error.message}` : error?.stack || String(error))
    process.exitCode = 1
  }
}
