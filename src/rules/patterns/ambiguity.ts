/** Decides whether an expression is exponentially ambiguous: whether it can match one text in exponentially many ways. */
import type { CharSet, Concatenation } from 'refa'

type Alternatives = readonly Concatenation[]

/** A repetition with a larger maximum counts as unbounded; a smaller one costs a constant factor. */
export const MAX_BOUNDED_REPETITIONS = 8

/** An expression with more positions in loops is not examined and counts as ambiguous: the check is quadratic in them. */
const MAX_LOOP_POSITIONS = 200

/** Glushkov's automaton: one state for each character class. `follow` counts the transitions between two states. */
interface Automaton {
  readonly sets: CharSet[]
  readonly follow: Map<number, number>[]
}

/** Glushkov's sets: states that can come first and last, and whether the empty text matches. */
interface PositionSets {
  readonly first: readonly number[]
  readonly last: readonly number[]
  readonly nullable: boolean
}

/**
 * The criterion of Weber and Seidl ("On the degree of ambiguity of finite automata", 1991): some state is reached from
 * itself by one text on two paths. A backtracking engine then tries 2ⁿ paths before it rejects a text that repeats n times.
 * This complements scslre, which only considers texts of one repeated character. Lookarounds are ignored, so an expression
 * may be rejected needlessly, but a dangerous one is never accepted.
 */
export function isExponentiallyAmbiguous(alternatives: Alternatives): boolean {
  const automaton: Automaton = { sets: [], follow: [] }
  buildAutomaton(alternatives, automaton)
  const { sets, follow } = automaton
  const component = stronglyConnectedComponents(sets.length, state =>
    (follow[state] as Map<number, number>).keys(),
  )
  const isSameComponent = (from: number, to: number): boolean => component[from] === component[to]
  const looped: number[] = []
  for (let state = 0; state < sets.length; state++) {
    const cyclic = [...(follow[state] as Map<number, number>)].filter(([to]) => isSameComponent(state, to))
    if (cyclic.some(([, ways]) => ways > 1)) return true
    if (cyclic.length > 0) looped.push(state)
  }
  if (looped.length > MAX_LOOP_POSITIONS) return true
  return hasAmbiguousLoop(looped, automaton, isSameComponent)
}

/** Whether the product of the automaton with itself has a pair of different states and a pair of equal ones in one component. */
function hasAmbiguousLoop(
  looped: readonly number[],
  { sets, follow }: Automaton,
  isSameComponent: (from: number, to: number) => boolean,
): boolean {
  const size = looped.length
  const index = new Map(looped.map((state, i) => [state, i]))
  const next = looped.map(state =>
    [...(follow[state] as Map<number, number>).keys()].filter(
      to => isSameComponent(state, to) && index.has(to),
    ),
  )
  const overlap = looped.map(a => looped.map(b => !(sets[a] as CharSet).isDisjointWith(sets[b] as CharSet)))
  const pairs = function* (pair: number): Iterable<number> {
    const [p, q] = [Math.floor(pair / size), pair % size]
    for (const a of next[p] as number[]) {
      for (const b of next[q] as number[]) {
        const [i, j] = [index.get(a) as number, index.get(b) as number]
        if ((overlap[i] as boolean[])[j]) yield i * size + j
      }
    }
  }
  const component = stronglyConnectedComponents(size * size, pairs)
  const ofEqual = new Set(looped.map((_, i) => component[i * size + i]))
  return component.some((c, pair) => Math.floor(pair / size) !== pair % size && ofEqual.has(c))
}

function buildAutomaton(alternatives: Alternatives, automaton: Automaton): PositionSets {
  const first: number[] = []
  const last: number[] = []
  let nullable = false
  for (const { elements } of alternatives) {
    let row: PositionSets = { first: [], last: [], nullable: true }
    for (const element of elements) {
      if (element.type === 'Assertion' || element.type === 'Unknown') continue
      let positions: PositionSets
      if (element.type === 'CharacterClass') {
        const state = automaton.sets.push(element.characters) - 1
        automaton.follow.push(new Map())
        positions = { first: [state], last: [state], nullable: false }
      } else {
        positions = buildAutomaton(element.alternatives, automaton)
        if (element.type === 'Quantifier') {
          if (element.max > MAX_BOUNDED_REPETITIONS) link(automaton, positions.last, positions.first)
          positions = { ...positions, nullable: positions.nullable || element.min === 0 }
        }
      }
      link(automaton, row.last, positions.first)
      row = {
        first: row.nullable ? [...row.first, ...positions.first] : row.first,
        last: positions.nullable ? [...row.last, ...positions.last] : positions.last,
        nullable: row.nullable && positions.nullable,
      }
    }
    first.push(...row.first)
    last.push(...row.last)
    nullable ||= row.nullable
  }
  return { first, last, nullable }
}

function link({ follow }: Automaton, from: readonly number[], to: readonly number[]): void {
  for (const a of from) {
    const onward = follow[a] as Map<number, number>
    for (const b of to) onward.set(b, (onward.get(b) ?? 0) + 1)
  }
}

/** The number of each node's strongly connected component (Tarjan's algorithm without recursion, which could overflow). */
function stronglyConnectedComponents(size: number, next: (node: number) => Iterable<number>): Int32Array {
  const component = new Int32Array(size).fill(-1)
  const order = new Int32Array(size).fill(-1)
  const low = new Int32Array(size)
  const stack: number[] = []
  let nextOrder = 0
  let componentCount = 0
  for (let root = 0; root < size; root++) {
    if (order[root] !== -1) continue
    const path = [{ node: root, onward: next(root)[Symbol.iterator]() }]
    stack.push(root)
    order[root] = low[root] = nextOrder++
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node, onward } = top
      const step = onward.next()
      if (step.done !== true) {
        const to = step.value
        if (order[to] === -1) {
          stack.push(to)
          order[to] = low[to] = nextOrder++
          path.push({ node: to, onward: next(to)[Symbol.iterator]() })
        } else if (component[to] === -1) low[node] = Math.min(low[node] as number, order[to] as number)
        continue
      }
      path.pop()
      const parent = path.at(-1)?.node
      if (parent !== undefined) low[parent] = Math.min(low[parent] as number, low[node] as number)
      if (low[node] !== order[node]) continue
      for (let member = stack.pop() as number; ; member = stack.pop() as number) {
        component[member] = componentCount
        if (member === node) break
      }
      componentCount++
    }
  }
  return component
}
