/** Compiles the tree of a template to functions. Long because every kind of node has one, and they call each other. */
import { assertListLength, assertTextLength, consumeSteps, GoError } from '../golang/index.ts'
import type { Command, Operand, ParseTree, Pipeline, TemplateNode } from './parser.ts'
import { printValue } from './values/format.ts'
import { evaluateMember, findMethod, invokeMethod } from './values/member.ts'
import { arityError, convertArgument, type GoFunction, parameterTypeAt } from './values/signature.ts'
import {
  GoInt,
  type GoValue,
  goInt,
  INT,
  isMap,
  isSlice,
  isTruthy,
  mapGet,
  mapKeys,
  type ParameterType,
  type Signature,
  typeName,
} from './values/value.ts'

/** The state of one rendering. */
export interface RenderState {
  output: string
  /** Offset of the node that is evaluated, for the position of an error. */
  at: number
  variables: GoValue[]
  depth: number
  /** Copies of JSON objects, which the template may change; `undefined` if the template changes none. */
  readonly copies: Map<object, GoValue> | undefined
}

type ControlFlow = 'next' | 'break' | 'continue'
export type ExecuteNode = (state: RenderState, dot: GoValue) => ControlFlow
type Evaluate = (state: RenderState, dot: GoValue) => GoValue
type EvaluateCommand = (state: RenderState, dot: GoValue, last: GoValue) => GoValue
/** Evaluates an argument, and converts it to the type of the parameter. */
type EvaluateArgument = (state: RenderState, dot: GoValue) => unknown

/** Found when the template is compiled: fails whenever it is reached. */
export interface CertainFailure {
  readonly at: number
  readonly message: string
}

/** Nesting of template calls; Go's limit of 100,000 would overflow the stack. */
const MAX_TEMPLATE_DEPTH = 100

/** Functions that change their argument. */
const MUTATORS = new Set(['set', 'unset', 'merge', 'mergeOverwrite', 'mustMerge', 'mustMergeOverwrite'])

export interface CompiledTemplate {
  readonly execute: ExecuteNode
  /** Calls a function that changes its argument, so it needs `RenderState.copies`. */
  readonly mutates: boolean
  readonly certainFailures: readonly CertainFailure[]
}

/** `lookup` returns the function of a name; the parser has checked that it exists. */
export function compileTree(
  tree: ParseTree,
  lookup: (name: string) => GoFunction | undefined,
): CompiledTemplate {
  const templates = new Map<string, ExecuteNode>()
  const certainFailures: CertainFailure[] = []
  let mutates = false

  const alwaysFail = (at: number, message: string): (() => never) => {
    certainFailures.push({ at, message })
    return () => {
      throw new GoError(message)
    }
  }

  function compileList(nodes: readonly TemplateNode[]): ExecuteNode {
    const steps = nodes.map(compileNode)
    const [first, second] = steps
    if (first === undefined) return () => 'next'
    if (second === undefined) return first
    return (state, dot) => {
      for (const step of steps) {
        const signal = step(state, dot)
        if (signal !== 'next') return signal
      }
      return 'next'
    }
  }

  function compileNode(one: TemplateNode): ExecuteNode {
    switch (one.kind) {
      case 'text': {
        const { text } = one
        return state => {
          state.output += text
          assertTextLength(state.output.length)
          return 'next'
        }
      }
      case 'action': {
        const value = compilePipeline(one.pipe)
        if (one.pipe.slots.length > 0) {
          return (state, dot) => {
            value(state, dot)
            return 'next'
          }
        }
        const { at } = one
        return (state, dot) => {
          const result = value(state, dot)
          state.at = at
          state.output += typeof result === 'string' ? result : printValue(result)
          assertTextLength(state.output.length)
          return 'next'
        }
      }
      case 'break':
        return () => 'break'
      case 'continue':
        return () => 'continue'
      case 'if':
      case 'with': {
        const value = compilePipeline(one.pipe)
        const body = compileList(one.list)
        const otherwise = compileList(one.otherwise)
        const moves = one.kind === 'with'
        return (state, dot) => {
          const result = value(state, dot)
          return isTruthy(result) ? body(state, moves ? result : dot) : otherwise(state, dot)
        }
      }
      case 'range':
        return compileRange(one)
      case 'template':
        return compileTemplateCall(one)
    }
  }

  function compileRange(one: TemplateNode & { kind: 'if' | 'with' | 'range' }): ExecuteNode {
    const value = compilePipeline(one.pipe)
    const body = compileList(one.list)
    const otherwise = compileList(one.otherwise)
    const { at } = one
    const indexSlot = one.pipe.slots.length > 1 ? one.pipe.slots[0] : undefined
    const elementSlot = one.pipe.slots.at(-1)
    const pass = (state: RenderState, key: GoValue, element: GoValue): ControlFlow => {
      consumeSteps(1)
      if (elementSlot !== undefined) state.variables[elementSlot] = element
      if (indexSlot !== undefined) state.variables[indexSlot] = key
      return body(state, element)
    }
    return (state, dot) => {
      const over = value(state, dot)
      state.at = at
      if (over === undefined || over === null) return otherwise(state, dot)
      if (isSlice(over)) {
        if (over.length === 0) return otherwise(state, dot)
        for (let i = 0; i < over.length; i++) {
          if (pass(state, indexSlot === undefined ? undefined : goInt(i), over[i] ?? null) === 'break') break
        }
        return 'next'
      }
      if (over instanceof GoInt) {
        if (indexSlot !== undefined) throw new GoError('an integer has no second variable to iterate over')
        if (over.n <= 0n) return otherwise(state, dot)
        assertListLength(Number(over.n))
        for (let i = 0n; i < over.n; i++)
          if (pass(state, undefined, new GoInt(over.type, i)) === 'break') break
        return 'next'
      }
      if (isMap(over)) {
        const keys = mapKeys(over)
        if (keys.length === 0) return otherwise(state, dot)
        for (const key of keys) if (pass(state, key, mapGet(over, key) ?? null) === 'break') break
        return 'next'
      }
      throw new GoError(`range can't iterate over a ${typeName(over)}`)
    }
  }

  function compileTemplateCall({ at, name, pipe }: TemplateNode & { kind: 'template' }): ExecuteNode {
    const value = pipe === undefined ? () => undefined : compilePipeline(pipe)
    if (!tree.templates.has(name)) {
      return alwaysFail(at, `template ${JSON.stringify(name)} is not defined`)
    }
    return (state, dot) => {
      if (state.depth >= MAX_TEMPLATE_DEPTH) throw new GoError('templates call each other too deeply')
      consumeSteps(1)
      const own = value(state, dot)
      const outer = state.variables
      state.variables = [own]
      state.depth++
      ;(templates.get(name) as ExecuteNode)(state, own)
      state.depth--
      state.variables = outer
      return 'next'
    }
  }

  function compilePipeline({ slots, commands }: Pipeline): Evaluate {
    const calls = commands.map((one, i) => compileCommand(one, i > 0))
    const first = calls[0] as EvaluateCommand
    const single: Evaluate = (state, dot) => first(state, dot, undefined) ?? undefined
    const value: Evaluate =
      calls.length === 1
        ? single
        : (state, dot) => {
            let last: GoValue
            for (const compileCall of calls) last = compileCall(state, dot, last) ?? undefined
            return last
          }
    if (slots.length === 0) return value
    return (state, dot) => {
      const result = value(state, dot)
      for (const slot of slots) state.variables[slot] = result
      return result
    }
  }

  /** `piped`: the last argument is the result of the previous command. */
  function compileCommand({ args }: Command, piped: boolean): EvaluateCommand {
    const [head, ...rest] = args as [Operand, ...Operand[]]
    switch (head.kind) {
      case 'field':
        return compileFieldChain((_run, dot) => dot, head.at, head.names, rest, piped)
      case 'chain':
        return compileFieldChain(compileReceiver(head.of), head.at, head.names, rest, piped)
      case 'variable': {
        const variable: Evaluate = state => state.variables[head.slot]
        if (head.names.length > 0) return compileFieldChain(variable, head.at, head.names, rest, piped)
        break
      }
      case 'function':
        return call(head.name, head.at, rest, piped)
      case 'nil':
        return alwaysFail(head.at, 'nil is not a command')
    }
    if (rest.length > 0 || piped)
      return alwaysFail(head.at, "can't give argument to a value that is not a function")
    return compileOperand(head)
  }

  /** The receiver in `(…).Name` or `function.Name`. */
  function compileReceiver(of: Operand): Evaluate {
    if (of.kind === 'nil') return alwaysFail(of.at, 'indirection through explicit nil')
    return compileOperand(of)
  }

  /** Compiles an operand that has no arguments. */
  function compileOperand(one: Operand): Evaluate {
    switch (one.kind) {
      case 'dot':
        return (_run, dot) => dot
      case 'nil':
        return () => null
      case 'bool':
      case 'string': {
        const { value } = one
        return () => value
      }
      case 'number': {
        const { value } = one
        if (value.ideal === 'overflow') return alwaysFail(one.at, `${one.text} overflows int`)
        const constant = value.ideal === 'float' ? value.float : new GoInt(INT, value.int as bigint)
        return () => constant
      }
      case 'variable':
        if (one.names.length === 0) return state => state.variables[one.slot]
        return compileFieldChain(state => state.variables[one.slot], one.at, one.names, [], false) as Evaluate
      case 'field':
        return compileFieldChain((_run, dot) => dot, one.at, one.names, [], false) as Evaluate
      case 'chain':
        return compileFieldChain(compileReceiver(one.of), one.at, one.names, [], false) as Evaluate
      case 'function':
        return call(one.name, one.at, [], false) as Evaluate
      case 'pipe':
        return compilePipeline(one.pipe)
    }
  }

  /** Compiles `.A.B.C arg…`; only the last name takes the arguments. */
  function compileFieldChain(
    start: Evaluate,
    at: number,
    names: readonly string[],
    args: readonly Operand[],
    piped: boolean,
  ): EvaluateCommand {
    const [first, second] = names as [string, string | undefined]
    if (args.length === 0 && !piped) {
      if (names.length === 1) {
        return (state, dot) => {
          state.at = at
          return evaluateMember(start(state, dot), first, state.copies)
        }
      }
      if (names.length === 2) {
        return (state, dot) => {
          state.at = at
          return evaluateMember(
            evaluateMember(start(state, dot), first, state.copies),
            second as string,
            state.copies,
          )
        }
      }
      return (state, dot) => {
        state.at = at
        let value = start(state, dot)
        for (const name of names) value = evaluateMember(value, name, state.copies)
        return value
      }
    }
    const last = names.at(-1) as string
    const before = names.slice(0, -1)
    // The parameters are known only when the method is found.
    const prepared = new Map<Signature, readonly EvaluateArgument[]>()
    return (state, dot, piece) => {
      state.at = at
      let value = start(state, dot)
      for (const name of before) value = evaluateMember(value, name, state.copies)
      if (value === undefined) return undefined
      const method = findMethod(value, last)
      if (method === undefined) {
        evaluateMember(value, last, state.copies)
        throw new GoError(`${last} is not a method but has arguments`)
      }
      const { signature } = method
      let ready = prepared.get(signature)
      if (ready === undefined) {
        ready = args.map((arg, i) => compileArgument(arg, parameterTypeAt(signature, i)))
        prepared.set(signature, ready)
      }
      const values = ready.map(one => one(state, dot))
      const problem = arityError(signature, last, values.length + (piped ? 1 : 0))
      if (problem !== '') throw new GoError(problem)
      if (piped) values.push(convertArgument(parameterTypeAt(signature, values.length), piece))
      state.at = at
      return invokeMethod(value, method, last, values)
    }
  }

  function call(name: string, at: number, args: readonly Operand[], piped: boolean): EvaluateCommand {
    if (name === 'and' || name === 'or') return compileShortCircuit(name, at, args, piped)
    const found = lookup(name) as GoFunction
    if (MUTATORS.has(name)) mutates = true
    const { signature } = found
    const problem = arityError(signature, name, args.length + (piped ? 1 : 0))
    if (problem !== '') return alwaysFail(at, problem)
    const ready = args.map((arg, i) => compileArgument(arg, parameterTypeAt(signature, i)))
    const fn = found.run as (...values: unknown[]) => GoValue
    const lastParameter = parameterTypeAt(signature, args.length)
    const checked = (state: RenderState, value: GoValue): GoValue => {
      state.at = at
      if (typeof value === 'string') {
        assertTextLength(value.length)
        consumeSteps(value.length >> 4)
      }
      return value
    }
    const [only] = ready
    if (ready.length === 1 && only !== undefined && !piped) {
      return (state, dot) => {
        consumeSteps(1)
        const value = only(state, dot)
        state.at = at
        if (typeof value === 'string') consumeSteps(value.length >> 4)
        return checked(state, fn(value))
      }
    }
    return (state, dot, piece) => {
      consumeSteps(1)
      const values = ready.map(one => one(state, dot))
      state.at = at
      if (piped) values.push(convertArgument(lastParameter, piece))
      // Most functions read each text once, and what a client sends is as long as its headers may be.
      for (const value of values) if (typeof value === 'string') consumeSteps(value.length >> 4)
      return checked(state, fn(...values))
    }
  }

  /** `and` and `or` stop at the first argument that decides the result. */
  function compileShortCircuit(
    name: 'and' | 'or',
    at: number,
    args: readonly Operand[],
    piped: boolean,
  ): EvaluateCommand {
    if (args.length === 0 && !piped)
      return alwaysFail(at, `wrong number of args for ${name}: want at least 1 got 0`)
    const evals = args.map(compileOperand)
    const stop = name === 'or'
    return (state, dot, piece) => {
      let value: GoValue
      for (const one of evals) {
        value = one(state, dot)
        if (isTruthy(value) === stop) return value
      }
      return piped ? piece : value
    }
  }

  /** Compiles an argument for a parameter; constants are converted once. */
  function compileArgument(one: Operand, parameter: ParameterType): EvaluateArgument {
    const { at } = one
    if (one.kind === 'nil') {
      if (parameter === 'any') return () => null
      if (parameter === 'map') return () => convertArgument('map', undefined)
      return alwaysFail(at, `cannot assign nil to ${parameter}`)
    }
    if (one.kind === 'number' && parameter !== 'any') {
      const { int: whole, float } = one.value
      if (parameter === 'int' && whole !== undefined) return () => Number(whole)
      if ((parameter === 'int64' || parameter === 'duration') && whole !== undefined) return () => whole
      if (parameter === 'float64' && float !== undefined) return () => float
      return alwaysFail(at, `expected ${parameter}; found ${one.text}`)
    }
    if ((one.kind === 'string' || one.kind === 'bool') && parameter !== 'any') {
      if (one.kind !== parameter) return alwaysFail(at, `expected ${parameter}; found a ${one.kind}`)
      const { value } = one
      return () => value
    }
    const value = compileOperand(one)
    if (parameter === 'any') return (state, dot) => value(state, dot) ?? null
    return (state, dot) => {
      const result = value(state, dot)
      state.at = at
      return convertArgument(parameter, result)
    }
  }

  for (const [name, nodes] of tree.templates) templates.set(name, compileList(nodes))
  return { execute: compileList(tree.root), mutates, certainFailures }
}
