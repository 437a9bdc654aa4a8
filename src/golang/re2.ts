/** Go's regular expressions: matching takes linear time for every expression and text. */
import { consumeSteps, GoError } from './limits.ts'
import { type Assertion, type ParsedRegexp, parseRegexp, type RegexpNode } from './re2_parser.ts'

/*
 * JavaScript's engine backtracks and cannot be interrupted, and a template may take the expression from a session. This
 * engine simulates all states at once (Thompson, Pike), prefers matches as Perl does, and counts its steps.
 */
type Instruction =
  | { readonly op: 'char'; readonly test: (code: number) => boolean }
  | { readonly op: 'split'; readonly first: number; readonly second: number }
  | { readonly op: 'jump'; readonly to: number }
  | { readonly op: 'save'; readonly slot: number }
  | { readonly op: 'assert'; readonly what: Assertion }
  | { readonly op: 'match' }

const MAX_INSTRUCTIONS = 20_000

function compileProgram({ root }: ParsedRegexp): Instruction[] {
  const program: Instruction[] = []
  const emit = (one: Instruction): number => {
    if (program.length >= MAX_INSTRUCTIONS) throw new GoError('the regular expression is too large')
    return program.push(one) - 1
  }
  const split = (): { set(body: number, out: number, greedy: boolean): void } => {
    const at = emit({ op: 'jump', to: 0 })
    return {
      set: (body, out, greedy) => {
        program[at] = { op: 'split', first: greedy ? body : out, second: greedy ? out : body }
      },
    }
  }
  const write = (part: RegexpNode): void => {
    switch (part.kind) {
      case 'empty':
        return
      case 'char':
        emit({ op: 'char', test: part.test })
        return
      case 'assert':
        emit({ op: 'assert', what: part.what })
        return
      case 'sequence':
        for (const one of part.parts) write(one)
        return
      case 'capture':
        emit({ op: 'save', slot: part.index * 2 })
        write(part.part)
        emit({ op: 'save', slot: part.index * 2 + 1 })
        return
      case 'choice': {
        const ends: number[] = []
        for (const one of part.parts.slice(0, -1)) {
          const fork = split()
          const body = program.length
          write(one)
          ends.push(emit({ op: 'jump', to: 0 }))
          fork.set(body, program.length, true)
        }
        write(part.parts.at(-1) as RegexpNode)
        for (const end of ends) program[end] = { op: 'jump', to: program.length }
        return
      }
      case 'repeat': {
        const { min, max, greedy } = part
        for (let i = 0; i < (Number.isFinite(max) ? min : min - 1); i++) write(part.part)
        if (Number.isFinite(max)) {
          const forks = []
          for (let i = min; i < max; i++) {
            forks.push({ fork: split(), body: program.length })
            write(part.part)
          }
          for (const { fork, body } of forks) fork.set(body, program.length, greedy)
          return
        }
        if (min === 0 && !matchesEmpty(part.part)) {
          const start = program.length
          const fork = split()
          const body = program.length
          write(part.part)
          emit({ op: 'jump', to: start })
          fork.set(body, program.length, greedy)
          return
        }
        // If `x` can match the empty string, `x*` is compiled as `(x+)?`; an empty iteration would end the loop too early.
        const optional = min === 0 ? split() : undefined
        const start = program.length
        write(part.part)
        split().set(start, program.length, greedy)
        optional?.set(start, program.length, greedy)
        return
      }
    }
  }
  write(root)
  emit({ op: 'match' })
  return program
}

/** Whether a node can match the empty string. */
function matchesEmpty(part: RegexpNode): boolean {
  switch (part.kind) {
    case 'char':
      return false
    case 'sequence':
      return part.parts.every(matchesEmpty)
    case 'choice':
      return part.parts.some(matchesEmpty)
    case 'capture':
      return matchesEmpty(part.part)
    case 'repeat':
      return part.min === 0 || matchesEmpty(part.part)
    default:
      return true
  }
}

const isWord = (code: number | undefined): boolean =>
  code !== undefined && /^\w$/.test(String.fromCodePoint(code))

/** Start and end of each group, in code points; -1 if the group did not participate. Group 0 is the whole match. */
export type RegexpMatch = readonly number[]

export interface Regexp {
  readonly names: readonly string[]
  /** The leftmost match that starts at or after `from`, chosen by Perl's preference. Throws a `GoError` out of steps. */
  exec(codes: readonly number[], from: number): RegexpMatch | undefined
}

/** Throws a `GoError` for a syntax that RE2 rejects, and for a program of more than 20,000 instructions. */
export function compileRegexp(source: string): Regexp {
  const expression = parseRegexp(source)
  const program = compileProgram(expression)
  const slots = expression.names.length * 2

  const holds = (what: Assertion, codes: readonly number[], at: number): boolean => {
    switch (what) {
      case 'text start':
        return at === 0
      case 'text end':
        return at === codes.length
      case 'line start':
        return at === 0 || codes[at - 1] === 10
      case 'line end':
        return at === codes.length || codes[at] === 10
      default:
        return (isWord(codes[at - 1]) !== isWord(codes[at])) === (what === 'word')
    }
  }

  function exec(codes: readonly number[], from: number): RegexpMatch | undefined {
    type Thread = { readonly pc: number; readonly groups: readonly number[] }
    const seen = new Int32Array(program.length).fill(-1)
    let threads: Thread[] = []
    let best: readonly number[] | undefined

    /** Adds the instructions that consume a character and are reachable from `pc`, in order of preference. */
    const add = (list: Thread[], pc: number, groups: readonly number[], at: number): void => {
      const stack: Thread[] = [{ pc, groups }]
      while (stack.length > 0) {
        const thread = stack.pop() as Thread
        if (seen[thread.pc] === at) continue
        seen[thread.pc] = at
        consumeSteps(1)
        const one = program[thread.pc] as Instruction
        switch (one.op) {
          case 'jump':
            stack.push({ pc: one.to, groups: thread.groups })
            break
          case 'split':
            stack.push({ pc: one.second, groups: thread.groups }, { pc: one.first, groups: thread.groups })
            break
          case 'save':
            stack.push({ pc: thread.pc + 1, groups: thread.groups.with(one.slot, at) })
            break
          case 'assert':
            if (holds(one.what, codes, at)) stack.push({ pc: thread.pc + 1, groups: thread.groups })
            break
          default:
            list.push(thread)
        }
      }
    }

    const none: readonly number[] = new Array<number>(slots).fill(-1)
    for (let at = from; at <= codes.length; at++) {
      if (best === undefined) add(threads, 0, none.with(0, at), at)
      if (threads.length === 0 && best !== undefined) break
      const next: Thread[] = []
      for (const thread of threads) {
        const one = program[thread.pc] as Instruction
        if (one.op === 'match') {
          best = thread.groups.with(1, at)
          break
        }
        consumeSteps(1)
        const code = codes[at]
        if (one.op === 'char' && code !== undefined && one.test(code)) {
          add(next, thread.pc + 1, thread.groups, at + 1)
        }
      }
      threads = next
    }
    return best
  }
  return { names: expression.names, exec }
}
