/** The interface through which the tour reports its steps. */

export interface TourReporter {
  heading(text: string): void
  /** The step, as a user would type it. */
  command(text: string): void
  /** The result of the step. */
  output(text: string): void
  /** An expectation. When it does not hold, the tour fails. */
  check(holds: boolean, sentence: string): void
}
