/** Writes to standard error where the logger is not available. */
import { writeSync } from 'node:fs'

/** Appends a line feed. Never throws. */
export function writeStderr(line: string): void {
  try {
    // Not `process.stderr`: when the pipe is closed it emits an `error` event, which would end the process.
    writeSync(2, `${line}\n`)
  } catch {
    // No other output is left for this error.
  }
}
