/** Why the service cannot start, with the issues that an operator can resolve. */
import type { Diagnostic } from '../documents/issue.ts'

/** What stops a start: issues of the configuration, for people. */
export class StartupError extends Error {
  readonly diagnostics: readonly Diagnostic[]
  constructor(message: string, issues: readonly Diagnostic[]) {
    super(message)
    this.diagnostics = issues
  }
}
