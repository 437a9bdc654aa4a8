/** scripts/places — where things of the checkout lie, and how a script says what it does. Knows no network. */
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Downloads and builds that take long, keyed by version inside; ignored by git, safe to delete. */
export const cache = process.env.CREDENCE_CACHE || join(root, '.cache')

/** One progress line. On stderr, so that a script's stdout stays its answer. */
export const say = text => process.stderr.write(`${text}\n`)

/** A failure that a person can do something about: shown without a stack. */
export class Trouble extends Error {}

/** The first program of that name on PATH, or undefined. */
export function onPath(name) {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : ['']
  for (const folder of (process.env.PATH || '').split(delimiter)) {
    for (const ending of endings) {
      const file = join(folder, name + ending)
      if (folder !== '' && existsSync(file)) return file
    }
  }
  return undefined
}

/** True when `url` (a script's import.meta.url) is the program that was started. */
export const isMain = url => process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1]

/** Runs a script's work: its number is the exit code, a Trouble is one clear message and 1. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0
  } catch (error) {
    say(error instanceof Trouble ? `\n${error.message}` : error?.stack || String(error))
    process.exitCode = 1
  }
}
