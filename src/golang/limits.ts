/** Limits on the time and memory of one template rendering, and the error of all functions here. */

/** Maximum length of the output of a rendering and of every string in it, in UTF-16 code units. */
const MAX_TEXT_CHARS = 1024 * 1024
/** Maximum number of items of a list that a function returns. */
const MAX_LIST_ITEMS = 100_000
/** Steps of one rendering: executed nodes, copied list items, states of a regular expression. About a third of a second. */
const MAX_STEPS = 1_000_000

/** A function failed as it would in Go. The message contains no data, because it is logged. */
export class GoError extends Error {}

// Rendering is synchronous: at most one runs at a time, so all share one counter.
let steps = 0

/** Starts a new rendering. */
export function resetStepBudget(): void {
  steps = 0
}

/** Counts steps. Throws a `GoError` when the rendering exceeds its budget. */
export function consumeSteps(count: number): void {
  steps += count
  if (steps > MAX_STEPS) throw new GoError('the template runs for too long')
}

/** Call it before a string of `length` UTF-16 code units is created. Throws a `GoError` if it is too long. */
export function assertTextLength(length: number): void {
  if (!(length <= MAX_TEXT_CHARS)) throw new GoError(`a string is longer than ${MAX_TEXT_CHARS} characters`)
}

/** Call it before a list of `length` items is created; counts a step for each. Throws a `GoError`. */
export function assertListLength(length: number): void {
  if (!(length <= MAX_LIST_ITEMS)) throw new GoError(`a list is longer than ${MAX_LIST_ITEMS} elements`)
  consumeSteps(length)
}
