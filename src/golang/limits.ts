/** lib/template_budget — what one rendering may cost. Knows nothing of templates but that they render one at a time. */

/** Longest text, in UTF-16 units, that a rendering or any function in it may make (H2). */
export const MAX_TEXT_CHARS = 1024 * 1024
/** Longest list that a function may make. */
export const MAX_LIST_ITEMS = 100_000
/** Steps of one rendering: nodes run, list elements copied, characters a regular expression looked at. */
const MAX_STEPS = 1_000_000

/** Something went wrong while a template ran; the executor adds the place and makes a `TemplateError` of it. */
export class GoError extends Error {}

// Rendering never waits, so at any time there is at most one, and one meter serves all.
let steps = 0

export function resetStepBudget(): void {
  steps = 0
}

/** Counts work; throws when a rendering has had its share. */
export function consumeSteps(count: number): void {
  steps += count
  if (steps > MAX_STEPS) throw new GoError('the template runs for too long')
}

/** Refuses a text before it is made: `length` is what it would have. */
export function assertTextLength(length: number): void {
  if (!(length <= MAX_TEXT_CHARS)) throw new GoError(`a text is longer than ${MAX_TEXT_CHARS} characters`)
}

/** Refuses a list before it is made, and counts its elements. */
export function assertListLength(length: number): void {
  if (!(length <= MAX_LIST_ITEMS)) throw new GoError(`a list is longer than ${MAX_LIST_ITEMS} elements`)
  consumeSteps(length)
}
