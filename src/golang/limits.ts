/** lib/template_budget — what one rendering may cost. Knows nothing of templates but that they render one at a time. */

/** Longest text, in UTF-16 units, that a rendering or any function in it may make (H2). */
export const LONGEST_TEXT = 1024 * 1024
/** Longest list that a function may make. */
export const LONGEST_LIST = 100_000
/** Steps of one rendering: nodes run, list elements copied, characters a regular expression looked at. */
const MOST_STEPS = 1_000_000

/** Something went wrong while a template ran; the executor adds the place and makes a `TemplateError` of it. */
export class Fault extends Error {}

// Rendering never waits, so at any time there is at most one, and one meter serves all.
let steps = 0

export function resetBudget(): void {
  steps = 0
}

/** Counts work; throws when a rendering has had its share. */
export function spend(count: number): void {
  steps += count
  if (steps > MOST_STEPS) throw new Fault('the template runs for too long')
}

/** Refuses a text before it is made: `length` is what it would have. */
export function boundText(length: number): void {
  if (!(length <= LONGEST_TEXT)) throw new Fault(`a text is longer than ${LONGEST_TEXT} characters`)
}

/** Refuses a list before it is made, and counts its elements. */
export function boundList(length: number): void {
  if (!(length <= LONGEST_LIST)) throw new Fault(`a list is longer than ${LONGEST_LIST} elements`)
  spend(length)
}
