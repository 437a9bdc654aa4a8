/** Estimates how the cost of matching a pattern grows with the length of a URL. */
import { CharSet } from 'refa'
import { MAX_URL_CHARS } from '../../access/match_policy.ts'
import { analyzeFragment, type MatchStep } from './fragment_analysis.ts'
import type { Part } from './syntax.ts'

export interface MatchingCost {
  /** The cost is at most proportional to the length to this power. */
  readonly degree: number
  /** Length (UTF-16 code units) up to which matching takes at most Oathkeeper's 250 ms; `undefined`: every URL does. */
  readonly maxUrlChars: number | undefined
}

/** About 250 ms at one nanosecond a step. */
const MAX_STEPS = 2.5e8
const LINEAR_COST: MatchingCost = { degree: 1, maxUrlChars: undefined }
const MAX_CODE_UNIT = 0xffff

/**
 * Two loops can trade characters if both, and every step between them, match one text. A URL that repeats this text can be
 * split between the loops in as many ways as it is long, and a backtracking engine tries them all. A final loop that matches
 * any character never makes the engine backtrack, so it does not count.
 */
export function matchingCost(parts: readonly Part[]): MatchingCost {
  const steps: MatchStep[] = []
  let extraDegree = 0
  for (const part of parts) {
    if (part.kind === 'literal') steps.push(...literalSteps(part.text))
    else {
      const analysis = analyzeFragment(part)
      steps.push(...analysis.steps)
      extraDegree += analysis.extraDegree
    }
  }
  const loops = steps.flatMap((step, index) => (step.loop ? [index] : []))
  if (loops.length + extraDegree < 2) return LINEAR_COST
  const last = steps.at(-1)
  if (last?.loop && matchesAnyCharacter(last.set)) loops.pop()
  const degrees = new Map<number, number>()
  let degree = 1
  let cycle = Number.POSITIVE_INFINITY
  for (const [n, to] of loops.entries()) {
    let highest = 1
    for (const from of loops.slice(0, n)) {
      if (!canTradeCharacters(steps, from, to)) continue
      highest = Math.max(highest, (degrees.get(from) as number) + 1)
      cycle = Math.min(cycle, to - from)
    }
    degrees.set(to, highest)
    degree = Math.max(degree, highest)
  }
  degree += extraDegree
  if (degree === 1) return LINEAR_COST
  // Splits are at least `cycle` characters apart: (length / cycle) over degree of them, each followed by a scan.
  const splitDistance = extraDegree > 0 || cycle === Number.POSITIVE_INFINITY ? 1 : cycle
  const maxUrlChars = Math.floor(splitDistance * (MAX_STEPS * factorial(degree)) ** (1 / degree))
  return { degree, maxUrlChars: maxUrlChars < MAX_URL_CHARS ? maxUrlChars : undefined }
}

function canTradeCharacters(steps: readonly MatchStep[], from: number, to: number): boolean {
  const both = (steps[from] as MatchStep).set.intersect((steps[to] as MatchStep).set)
  if (both.isEmpty) return false
  return steps.slice(from + 1, to).every(step => step.loop || !step.set.isDisjointWith(both))
}

const literalSteps = (text: string): MatchStep[] =>
  Array.from({ length: text.length }, (_, i) => ({
    loop: false,
    set: CharSet.empty(MAX_CODE_UNIT).union([{ min: text.charCodeAt(i), max: text.charCodeAt(i) }]),
  }))

/** Whether a set has every character except the line feed; long URLs with a line feed are rejected before matching. */
const matchesAnyCharacter = (set: CharSet): boolean =>
  set.negate().ranges.every(range => range.min === 10 && range.max === 10)

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
