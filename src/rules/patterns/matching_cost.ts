/** rules/pattern_risk — how the cost of a whole pattern grows with the length of a URL (Q-24, G5). Knows shapes, no engine. */
import { CharSet } from 'refa'
import { LONGEST_URL } from '../../access/match_policy.ts'
import { type Passage, shapeOf } from './fragment_analysis.ts'
import type { Part } from './syntax.ts'

export interface Risk {
  /** The cost grows at most with this power of the length. */
  readonly degree: number
  /** UTF-16 code units up to which that costs no more than Oathkeeper's 250 ms; `undefined` where any URL may be. */
  readonly longest: number | undefined
}

/** About 250 ms of an engine that takes a nanosecond for a step. */
const STEPS = 2.5e8
const LINEAR: Risk = { degree: 1, longest: undefined }
const MAX_CHAR = 0xffff

/**
 * Two loops trade characters when one text can be read by both, the way from one to the other included: then a URL that
 * repeats that text is split between them in as many ways as it is long. A loop that ends the pattern and takes anything
 * leaves nothing to go back for.
 */
export function riskOf(parts: readonly Part[]): Risk {
  const row: Passage[] = []
  let extra = 0
  for (const part of parts) {
    if (part.kind === 'literal') row.push(...literalPassages(part.text))
    else {
      const shape = shapeOf(part)
      row.push(...shape.row)
      extra += shape.extraDegree
    }
  }
  const loops = row.flatMap((passage, at) => (passage.loop ? [at] : []))
  if (loops.length + extra < 2) return LINEAR
  const last = row.at(-1)
  if (last?.loop && takesAnything(last.set)) loops.pop()
  const degrees = new Map<number, number>()
  let degree = 1
  let cycle = Number.POSITIVE_INFINITY
  for (const [n, to] of loops.entries()) {
    let best = 1
    for (const from of loops.slice(0, n)) {
      if (!trade(row, from, to)) continue
      best = Math.max(best, (degrees.get(from) as number) + 1)
      cycle = Math.min(cycle, to - from)
    }
    degrees.set(to, best)
    degree = Math.max(degree, best)
  }
  degree += extra
  if (degree === 1) return LINEAR
  // Splits are at least a cycle apart: n/cycle over degree of them, each followed by a scan.
  const step = extra > 0 || cycle === Number.POSITIVE_INFINITY ? 1 : cycle
  const longest = Math.floor(step * (STEPS * factorial(degree)) ** (1 / degree))
  return { degree, longest: longest < LONGEST_URL ? longest : undefined }
}

function trade(row: readonly Passage[], from: number, to: number): boolean {
  const both = (row[from] as Passage).set.intersect((row[to] as Passage).set)
  if (both.isEmpty) return false
  return row.slice(from + 1, to).every(passage => passage.loop || !passage.set.isDisjointWith(both))
}

const literalPassages = (text: string): Passage[] =>
  Array.from({ length: text.length }, (_, i) => ({
    loop: false,
    set: CharSet.empty(MAX_CHAR).union([{ min: text.charCodeAt(i), max: text.charCodeAt(i) }]),
  }))

/** All but a newline, which no URL of some length may hold (access/snapshot). */
const takesAnything = (set: CharSet): boolean =>
  set.negate().ranges.every(range => range.min === 10 && range.max === 10)

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
