/** Where the tour reports its steps. */

export interface Teller {
  heading(text: string): void
  /** What is done, as a person would type it. */
  doing(text: string): void
  /** What came back. */
  seen(text: string): void
  /** A step that must hold; what is not true makes the tour fail. */
  check(holds: boolean, sentence: string): void
}
