/**
 * Counts the steps that a backtracking engine takes at most before it rejects a text, by the length of the text.
 * Long because the two ways to group texts and the two ways to count share one representation.
 */
import type { CharSet } from 'refa'
import type { PositionAutomaton, Ways } from './position_automaton.ts'

export interface StepBound {
  /** The steps are at most proportional to the length to this power; `Infinity` if no small power suffices. */
  readonly degree: number
  /** The greatest length (up to `maxChars`) of which no text takes more than `maxSteps` steps. */
  readonly chars: number
  /** Whether every text of `maxChars` takes at most `silentSteps`. */
  readonly silent: boolean
}

export interface StepLimits {
  readonly maxChars: number
  readonly maxSteps: number
  readonly silentSteps: number
}

/**
 * Texts are grouped by what is known of them, and each group has, for each of its positions, the greatest number of paths
 * that end there.
 */
interface Group {
  readonly members: readonly number[]
  /** Steps taken from each member: its ways on, or one. */
  readonly costs: readonly number[]
  readonly onward: Transition[]
}

/** One more character leads from a group to the group `to`: `edges` are triples (member, member of `to`, ways). */
interface Transition {
  readonly to: number
  readonly edges: Float64Array
}

const MAX_GROUPS = 1_500
const MAX_EDGES = 500_000
const MAX_COARSE_EDGES = 2_000_000
/** Edges and positions visited for the proof that the steps are proportional to the length. */
const MAX_PROOF_WORK = 3_000_000
/** The same for counting them by length. */
const MAX_WORK = 8_000_000
/** Too few lengths do not show the degree, so groups that are too large to count these are not counted. */
const MIN_COUNTED_CHARS = 200
/** Lengths that are counted one by one. Longer texts are extrapolated. */
const MAX_COUNTED_CHARS = 400
/** Steps a character above which a pattern does not count as linear. */
const MAX_LINEAR_STEPS = 2_000
const MAX_DEGREE = 10

/** Bounds the steps of an automaton; `undefined` if it is too large to be examined. */
export function boundSteps(automaton: PositionAutomaton, limits: StepLimits): StepBound | undefined {
  const statesByAtom = partition(automaton)
  for (const groupTexts of [groupByReachedPositions, groupByLastCharacter]) {
    const groups = groupTexts(automaton, statesByAtom)
    if (groups === undefined) continue
    const constant = stepsPerCharacter(groups)
    if (constant !== undefined) {
      const { maxChars, maxSteps, silentSteps } = limits
      const chars = Math.min(maxChars, Math.floor(maxSteps / constant))
      return { degree: 1, chars, silent: constant * maxChars <= silentSteps }
    }
    const roundSize = groups.reduce(
      (size, { members, onward }) =>
        onward.reduce((sum, { to, edges }) => sum + edges.length + sizeOf(groups[to]), size + members.length),
      0,
    )
    if (roundSize * MIN_COUNTED_CHARS <= MAX_WORK) return countByLength(groups, roundSize, limits)
  }
  return undefined
}

const sizeOf = (group: Group | undefined): number => group?.members.length ?? 0

/** The positions that match each kind of character; characters that the same positions match are one kind. */
function partition({ sets }: PositionAutomaton): number[][] {
  const byText = new Map<string, { set: CharSet; states: number[] }>()
  for (const [state, set] of sets.entries()) {
    const text = set.ranges.map(({ min, max }) => `${min}-${max}`).join()
    const same = byText.get(text)
    if (same === undefined) byText.set(text, { set, states: [state] })
    else same.states.push(state)
  }
  const distinct = [...byText.values()]
  const borders = new Set(distinct.flatMap(({ set }) => set.ranges.flatMap(({ min, max }) => [min, max + 1])))
  const atoms = new Map<string, number[]>()
  for (const char of borders) {
    const matching = distinct.flatMap(({ set }, i) => (set.has(char) ? [i] : []))
    if (matching.length === 0) continue
    const key = matching.join()
    if (!atoms.has(key))
      atoms.set(
        key,
        matching.flatMap(i => distinct[i]?.states ?? []),
      )
  }
  return [...atoms.values()]
}

const total = (ways: Ways): number =>
  Math.max(
    1,
    [...ways.values()].reduce((sum, one) => sum + one, 0),
  )

const newGroup = (members: readonly number[], { follow }: PositionAutomaton): Group => ({
  members,
  costs: members.map(state => total(follow[state] as Ways)),
  onward: [],
})

/** The first group holds the empty text; its one member stands for the start. */
const newStart = ({ first }: PositionAutomaton): Group => ({
  members: [-1],
  costs: [total(first)],
  onward: [],
})

const onwardOf = ({ first, follow }: PositionAutomaton, state: number): Ways =>
  state < 0 ? first : (follow[state] as Ways)

function edgesBetween(
  automaton: PositionAutomaton,
  from: Group,
  to: ReadonlyMap<number, number>,
): Float64Array {
  const edges: number[] = []
  for (const [i, state] of from.members.entries()) {
    for (const [next, ways] of onwardOf(automaton, state)) {
      const j = to.get(next)
      if (j !== undefined) edges.push(i, j, ways)
    }
  }
  return Float64Array.from(edges)
}

const indexOf = (members: readonly number[]): Map<number, number> =>
  new Map(members.map((state, i) => [state, i]))

/** Texts that reach the same positions are one group. `undefined` if there are too many groups. */
function groupByReachedPositions(
  automaton: PositionAutomaton,
  atoms: readonly number[][],
): Group[] | undefined {
  const atomSets = atoms.map(states => new Set(states))
  const groups = [newStart(automaton)]
  const numbers = new Map<string, number>()
  let edgeCount = 0
  for (const group of groups) {
    const reached = new Set<number>()
    for (const state of group.members) for (const next of onwardOf(automaton, state).keys()) reached.add(next)
    const targets = new Set<string>()
    for (const atom of atomSets) {
      const members = [...reached].filter(state => atom.has(state)).sort((a, b) => a - b)
      edgeCount += reached.size
      if (edgeCount > MAX_EDGES) return undefined
      const key = members.join()
      if (members.length === 0 || targets.has(key)) continue
      targets.add(key)
      let to = numbers.get(key)
      if (to === undefined) {
        if (groups.length >= MAX_GROUPS) return undefined
        to = groups.push(newGroup(members, automaton)) - 1
        numbers.set(key, to)
      }
      const edges = edgesBetween(automaton, group, indexOf(members))
      edgeCount += edges.length
      if (edgeCount > MAX_EDGES) return undefined
      group.onward.push({ to, edges })
    }
  }
  return groups
}

/** Texts that end in the same kind of character are one group: fewer groups, and a bound that is less exact. */
function groupByLastCharacter(automaton: PositionAutomaton, atoms: readonly number[][]): Group[] | undefined {
  const groups = [newStart(automaton), ...atoms.map(members => newGroup(members, automaton))]
  const indexes = atoms.map(indexOf)
  let edgeCount = 0
  for (const group of groups) {
    for (const [i, index] of indexes.entries()) {
      const edges = edgesBetween(automaton, group, index)
      edgeCount += edges.length
      if (edgeCount > MAX_COARSE_EDGES) return undefined
      if (edges.length > 0) group.onward.push({ to: i + 1, edges })
    }
  }
  return groups
}

const countsOf = (groups: readonly Group[]): Float64Array[] =>
  groups.map(({ members }) => new Float64Array(members.length))

function stepsOf({ costs }: Group, counts: Float64Array): number {
  let steps = 0
  for (let i = 0; i < counts.length; i++) steps += (counts[i] as number) * (costs[i] as number)
  return steps
}

/** Steps that each character takes at most, whatever the length; `undefined` if this is not proved. */
function stepsPerCharacter(groups: readonly Group[]): number | undefined {
  const counts = countsOf(groups)
  ;(counts[0] as Float64Array)[0] = 1
  let work = 0
  for (let changed = true; changed; ) {
    changed = false
    for (const [g, { onward }] of groups.entries()) {
      const from = counts[g] as Float64Array
      for (const { to, edges } of onward) {
        work += edges.length + sizeOf(groups[to])
        if (raise(counts[to] as Float64Array, arrivals(groups[to] as Group, from, edges))) changed = true
      }
      work += from.length
      if (work > MAX_PROOF_WORK || stepsOf(groups[g] as Group, from) > MAX_LINEAR_STEPS) return undefined
    }
  }
  return Math.max(...groups.map((group, g) => stepsOf(group, counts[g] as Float64Array)))
}

function arrivals(to: Group, from: Float64Array, edges: Float64Array): Float64Array {
  const counts = new Float64Array(to.members.length)
  for (let e = 0; e < edges.length; e += 3) {
    const j = edges[e + 1] as number
    counts[j] = (counts[j] as number) + (from[edges[e] as number] as number) * (edges[e + 2] as number)
  }
  return counts
}

/** Raises counts to others where those are greater; returns whether some were. */
function raise(counts: Float64Array, others: Float64Array): boolean {
  let changed = false
  for (let i = 0; i < counts.length; i++) {
    if ((others[i] as number) <= (counts[i] as number)) continue
    counts[i] = others[i] as number
    changed = true
  }
  return changed
}

function countByLength(
  groups: readonly Group[],
  roundSize: number,
  { maxChars, maxSteps, silentSteps }: StepLimits,
): StepBound {
  const totals = [0]
  let counts = countsOf(groups)
  let next = countsOf(groups)
  ;(counts[0] as Float64Array)[0] = 1
  const countedChars = Math.min(MAX_COUNTED_CHARS, Math.floor(MAX_WORK / roundSize))
  for (let length = 1; length <= countedChars; length++) {
    for (const one of next) one.fill(0)
    let most = 0
    for (const [g, group] of groups.entries()) {
      const from = counts[g] as Float64Array
      const steps = stepsOf(group, from)
      if (steps === 0) continue
      most = Math.max(most, steps)
      for (const { to, edges } of group.onward) {
        raise(next[to] as Float64Array, arrivals(groups[to] as Group, from, edges))
      }
    }
    const total = (totals.at(-1) as number) + most
    totals.push(total)
    ;[counts, next] = [next, counts]
    if (total > maxSteps) break
  }
  const length = totals.length - 1
  const total = totals[length] as number
  const growth = Math.log2(total / Math.max(1, totals[length >> 1] as number))
  const degree = growth < MAX_DEGREE ? Math.max(2, Math.ceil(growth - 0.1)) : Number.POSITIVE_INFINITY
  if (total > maxSteps) return { degree, chars: length - 1, silent: false }
  const longest = degree === Number.POSITIVE_INFINITY ? length : length * (maxSteps / total) ** (1 / degree)
  return {
    degree,
    chars: Math.min(maxChars, Math.floor(longest)),
    silent: total * (maxChars / length) ** degree <= silentSteps,
  }
}
