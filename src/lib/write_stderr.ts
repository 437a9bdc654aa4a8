/** lib/stderr — a line on standard error, from where there is no log. Never throws. */
import { writeSync } from 'node:fs'

/** Not by `process.stderr`: where that cannot be written, its error would be one that nobody catches. */
export function writeStderr(line: string): void {
  try {
    writeSync(2, `${line}\n`)
  } catch {
    // There is nobody left to tell.
  }
}
