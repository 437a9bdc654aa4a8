/** Where the tour reports its steps. */

export interface TourReporter {
  heading(text: string): void
  /** What is done, as a person would type it. */
  command(text: string): void
  /** What came back. */
  output(text: string): void
  /** A step that must hold; what is not true makes the tour fail. */
  check(holds: boolean, sentence: string): void
}
