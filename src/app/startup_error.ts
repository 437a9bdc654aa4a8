/** The error that stops a start, with the problems that an operator can solve. */
import type { Diagnostic } from '../documents/diagnostic.ts'

export class StartupError extends Error {
  readonly diagnostics: readonly Diagnostic[]
  constructor(message: string, diagnostics: readonly Diagnostic[]) {
    super(message)
    this.diagnostics = diagnostics
  }
}
