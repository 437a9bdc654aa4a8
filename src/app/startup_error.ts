/** Why the service cannot start, with the issues that an operator can resolve. */
import type { Issue } from '../documents/issue.ts'

/** What stops a start: issues of the configuration, for people. */
export class StartFault extends Error {
  readonly issues: readonly Issue[]
  constructor(message: string, issues: readonly Issue[]) {
    super(message)
    this.issues = issues
  }
}
