/** Limits on the time and memory of one template rendering, and the error of all functions here. */

/** Maximum length of the output of a rendering and of every string in it, in UTF-16 code units. */
const MAX_TEXT_CHARS = 1024 * 1024
/** Maximum number of items of a list that a function returns. */
const MAX_LIST_ITEMS = 100_000
/** Steps of one rendering: executed nodes, copied list items, states of a regular expression, 16 characters of a text. Some 10 ms. */
const MAX_STEPS = 100_000

/** A function failed as it would in Go. The message contains no data, because it is logged. */
export class GoError extends Error {}

// Rendering is synchronous: at most one runs at a time, so all share one counter.
let steps = 0
let nextTimeCheck = 0
let timeAtFirstCheck = 0

/** CPU time of one rendering, ms, a net for what steps count too low. CPU time, because a busy machine is no reason to deny. */
const MAX_CPU_MS = 25
/** Most renderings need fewer, so that they never ask for the time. */
const STEPS_BETWEEN_TIME_CHECKS = 250

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Starts a new rendering. */
export function resetStepBudget(): void {
  steps = 0
  nextTimeCheck = STEPS_BETWEEN_TIME_CHECKS
  timeAtFirstCheck = 0
}

/** Counts steps. The longest work between two calls is what the time can exceed its limit by. Throws a `GoError` when the rendering exceeds its budget. */
export function consumeSteps(count: number): void {
  steps += count
  if (steps > MAX_STEPS) throw new GoError('the template runs for too long')
  if (steps < nextTimeCheck) return
  nextTimeCheck = steps + STEPS_BETWEEN_TIME_CHECKS
  const time = cpuMs()
  if (timeAtFirstCheck === 0) timeAtFirstCheck = time
  if (time - timeAtFirstCheck > MAX_CPU_MS) throw new GoError('the template runs for too long')
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
