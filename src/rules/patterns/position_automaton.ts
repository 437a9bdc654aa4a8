/** Builds the automaton of a pattern's characters, whose paths are the paths that a backtracking engine tries. */
import { type Assertion, CharSet, type Concatenation, type Element, type Quantifier } from 'refa'

type Alternatives = readonly Concatenation[]

/** The part of a pattern that an automaton is built of: a text, or the alternatives of a fragment. */
export type AutomatonPart = string | Alternatives

/** Positions and the number of ways in which each is reached. */
export type Ways = ReadonlyMap<number, number>

/** Glushkov's automaton: one position for each character class, with bounded repetitions written out. */
export interface PositionAutomaton {
  readonly sets: readonly CharSet[]
  readonly first: Ways
  readonly follow: readonly Ways[]
}

/** How an expression can be entered, left, and skipped. `skips` counts the ways to match the empty text. */
interface Ends {
  readonly first: Ways
  readonly last: Ways
  readonly skips: number
}

/** A pattern with more positions is refused: the examination would take too long. */
const MAX_POSITIONS = 3_000
/** Nested bounded repetitions multiply, so the number of elements that are written out is bounded as well. */
const MAX_ELEMENTS = 20_000
/** Steps between positions; nested loops link every position with every other. */
const MAX_LINKS = 100_000
const MAX_CODE_POINT = 0x10ffff

const NONE: Ways = new Map()
const EMPTY: Ends = { first: NONE, last: NONE, skips: 1 }

/**
 * Builds the automaton; `undefined` if it is too large. Every step that an engine takes before it rejects a text is a step on
 * a path of the automaton:
 *
 * - A bounded repetition is written out, because repetitions multiply in a row, nested, and around a loop.
 * - A lookahead is a branch without an exit, because the engine tries all of its paths before it goes on or goes back.
 * - A backreference is any text.
 *
 * A lookbehind reads one character, because the syntax of fragments admits no other. A final loop over any character ends
 * the match, so the engine never goes back into it; it is left out.
 */
export function buildPositionAutomaton(parts: readonly AutomatonPart[]): PositionAutomaton | undefined {
  const sets: CharSet[] = []
  const follow: Map<number, number>[] = []
  let elementCount = 0
  let linkCount = 0
  let hasLoop = false

  const link = (from: Ways, to: Ways): void => {
    for (const [a, waysOut] of from) {
      const onward = follow[a] as Map<number, number>
      linkCount += to.size
      if (linkCount > MAX_LINKS) throw new TooLarge()
      for (const [b, waysIn] of to) onward.set(b, (onward.get(b) ?? 0) + waysOut * waysIn)
    }
  }

  const position = (set: CharSet): Ends => {
    if (sets.length >= MAX_POSITIONS) throw new TooLarge()
    const state = new Map([[sets.push(set) - 1, 1]])
    follow.push(new Map())
    return { first: state, last: state, skips: 0 }
  }

  const join = (before: Ends, after: Ends): Ends => {
    link(before.last, after.first)
    return {
      first: sum(before.first, after.first, before.skips),
      last: sum(after.last, before.last, after.skips),
      skips: before.skips * after.skips,
    }
  }

  const choose = (alternatives: Alternatives): Ends => {
    let all: Ends = { first: NONE, last: NONE, skips: 0 }
    for (const { elements } of alternatives) {
      const one = elements.reduce((row, element) => join(row, read(element)), EMPTY)
      all = {
        first: sum(all.first, one.first),
        last: sum(all.last, one.last),
        skips: all.skips + one.skips,
      }
    }
    return all
  }

  const read = (element: Element): Ends => {
    if (++elementCount > MAX_ELEMENTS) throw new TooLarge()
    switch (element.type) {
      case 'CharacterClass':
        return position(element.characters)
      case 'Alternation':
        return choose(element.alternatives)
      case 'Quantifier':
        return repeat(element)
      case 'Assertion': {
        if (element.kind === 'behind') return EMPTY
        const body = hasLoop ? element.alternatives : withoutFinalLoop(element.alternatives)
        return { first: choose(body).first, last: NONE, skips: 1 }
      }
      default: {
        const any = position(CharSet.all(MAX_CODE_POINT))
        link(any.last, any.first)
        hasLoop = true
        return { ...any, skips: 1 }
      }
    }
  }

  const repeat = ({ min, max, alternatives }: Quantifier): Ends => {
    if (max > 1) hasLoop = true
    if (max === Number.POSITIVE_INFINITY) {
      let row = EMPTY
      for (let i = 1; i < min; i++) row = join(row, choose(alternatives))
      const loop = choose(alternatives)
      link(loop.last, loop.first)
      return join(row, min === 0 ? { ...loop, skips: loop.skips + 1 } : loop)
    }
    let row = EMPTY
    for (let i = 0; i < min; i++) row = join(row, choose(alternatives))
    let { first, last, skips } = row
    let exits: Ways = row.last
    // An optional repetition is tried only after the one before it, and must match some text.
    let entries = row.skips
    for (let i = min; i < max; i++) {
      const one = choose(alternatives)
      link(exits, one.first)
      first = sum(first, one.first, entries)
      last = sum(last, one.last)
      skips += one.skips
      exits = one.last
      entries = 0
    }
    return { first, last, skips }
  }

  try {
    const start = parts.reduce<Ends>((row, part, i) => {
      if (typeof part !== 'string')
        return join(row, choose(i === parts.length - 1 ? withoutFinalLoop(part) : part))
      return Array.from(part).reduce((ends, char) => {
        const code = char.codePointAt(0) as number
        return join(ends, position(CharSet.empty(MAX_CODE_POINT).union([{ min: code, max: code }])))
      }, row)
    }, EMPTY)
    // The end of the text: it matches no character, but each way to it is a step.
    return { sets, first: join(start, position(CharSet.empty(MAX_CODE_POINT))).first, follow }
  } catch (error) {
    if (error instanceof TooLarge) return undefined
    throw error
  }
}

class TooLarge extends Error {}

function sum(a: Ways, b: Ways, factor = 1): Ways {
  if (factor === 0 || b.size === 0) return a
  const all = new Map(a)
  for (const [state, ways] of b) all.set(state, (all.get(state) ?? 0) + ways * factor)
  return all
}

/** Drops the last loop of each alternative if it matches any character except the line feed. */
function withoutFinalLoop(alternatives: Alternatives): Alternatives {
  return alternatives.map(alternative => {
    const elements = [...alternative.elements]
    while (elements.at(-1)?.type === 'Assertion' && isTextEnd(elements.at(-1) as Assertion)) elements.pop()
    const last = elements.at(-1)
    if (last?.type !== 'Quantifier' && last?.type !== 'Alternation') return alternative
    const isFinalLoop =
      last.type === 'Quantifier' && last.max === Number.POSITIVE_INFINITY && isAnyCharacter(last.alternatives)
    const rest: Element[] = isFinalLoop
      ? Array.from({ length: last.min }, () => last.alternatives[0]?.elements[0] as Element)
      : last.type === 'Alternation'
        ? [{ ...last, alternatives: [...withoutFinalLoop(last.alternatives)] }]
        : [last]
    return { ...alternative, elements: [...elements.slice(0, -1), ...rest] }
  })
}

/** Whether an assertion is `$`. */
function isTextEnd({ kind, negate, alternatives: [only, ...others] }: Assertion): boolean {
  const [element, ...rest] = only?.elements ?? []
  const isOneClass = others.length === 0 && rest.length === 0 && element?.type === 'CharacterClass'
  return kind === 'ahead' && negate && isOneClass && element.characters.isAll
}

function isAnyCharacter([only, ...others]: Alternatives): boolean {
  const [element, ...rest] = only?.elements ?? []
  return (
    others.length === 0 &&
    rest.length === 0 &&
    element?.type === 'CharacterClass' &&
    element.characters.negate().ranges.every(range => range.min === 10 && range.max === 10)
  )
}
