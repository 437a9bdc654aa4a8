/** Parses a template to a tree. Long because it is one grammar, whose rules call each other. */

import { type NumberConstant, parseNumberConstant, unquoteString } from '../golang/index.ts'
import { lex, TemplateSyntaxError, type Token, type TokenType } from './lexer.ts'

/** `at` is the offset of the node in the template, in UTF-16 code units. */
export type Operand =
  | { readonly kind: 'dot' | 'nil'; readonly at: number }
  | { readonly kind: 'bool'; readonly at: number; readonly value: boolean }
  | { readonly kind: 'string'; readonly at: number; readonly value: string }
  | { readonly kind: 'number'; readonly at: number; readonly text: string; readonly value: NumberConstant }
  | { readonly kind: 'field'; readonly at: number; readonly names: readonly string[] }
  | {
      readonly kind: 'variable'
      readonly at: number
      readonly slot: number
      readonly names: readonly string[]
    }
  | { readonly kind: 'function'; readonly at: number; readonly name: string }
  | { readonly kind: 'pipe'; readonly at: number; readonly pipe: Pipeline }
  | { readonly kind: 'chain'; readonly at: number; readonly of: Operand; readonly names: readonly string[] }

export interface Command {
  readonly at: number
  readonly args: readonly Operand[]
}

export interface Pipeline {
  readonly at: number
  /** Slots of the variables that the pipeline sets; `$` has slot 0. */
  readonly slots: readonly number[]
  readonly commands: readonly Command[]
}

export type TemplateNode =
  | { readonly kind: 'text'; readonly at: number; readonly text: string }
  | { readonly kind: 'action'; readonly at: number; readonly pipe: Pipeline }
  | { readonly kind: 'break' | 'continue'; readonly at: number }
  | {
      readonly kind: 'if' | 'with' | 'range'
      readonly at: number
      readonly pipe: Pipeline
      readonly list: readonly TemplateNode[]
      readonly otherwise: readonly TemplateNode[]
    }
  | {
      readonly kind: 'template'
      readonly at: number
      readonly name: string
      readonly pipe: Pipeline | undefined
    }

export interface ParseTree {
  readonly root: readonly TemplateNode[]
  /** Definitions of `define` and `block`. */
  readonly templates: ReadonlyMap<string, readonly TemplateNode[]>
}

/** Levels of parentheses and blocks; prevents a stack overflow. */
const MAX_NESTING_DEPTH = 200

/** Throws a `TemplateSyntaxError`. `checkFunction` is called for every function name, and throws for an unknown one. */
export function parseTree(text: string, checkFunction: (name: string, at: number) => void): ParseTree {
  const tokens = lex(text)
  const templates = new Map<string, readonly TemplateNode[]>()
  let index = 0
  let variables = ['$']
  let ranges = 0
  let depth = 0

  const peek = (): Token => tokens[index] as Token
  const next = (): Token => tokens[index === tokens.length - 1 ? index : index++] as Token
  const skip = (): Token => {
    while (peek().type === 'space') index++
    return peek()
  }
  const fail = (token: Token, message: string): never => {
    throw new TemplateSyntaxError(token.at, message)
  }
  const unexpected = (token: Token, context: string): never =>
    fail(token, `unexpected ${token.type === 'eof' ? 'end' : JSON.stringify(token.text)} in ${context}`)
  const expect = (type: TokenType, context: string): Token => {
    const token = skip()
    if (token.type !== type) unexpected(token, context)
    return next()
  }
  const nested = <T>(token: Token, run: () => T): T => {
    if (++depth > MAX_NESTING_DEPTH) fail(token, 'nested too deeply')
    const result = run()
    depth--
    return result
  }

  const string = (token: Token): string => {
    if (token.type === 'raw') return token.text.slice(1, -1).replaceAll('\r', '')
    return unquoteString(token.text.slice(1, -1), '"') ?? fail(token, 'invalid syntax in quoted string')
  }

  /** Parses the quoted name of a template. */
  const name = (context: string): string => {
    const token = skip()
    if (token.type !== 'string' && token.type !== 'raw') unexpected(token, context)
    return string(next())
  }

  /** Parses a definition in a scope of its own: without outer variables and ranges. */
  const define = (key: string, context: string): void => {
    const outer = { variables, ranges }
    variables = ['$']
    ranges = 0
    const { list, end } = itemList()
    if (end !== 'end') fail(peek(), `unexpected {{else}} in ${context}`)
    variables = outer.variables
    ranges = outer.ranges
    const before = templates.get(key)
    if (before === undefined || isEmpty(before)) templates.set(key, list)
    else if (!isEmpty(list)) fail(peek(), `multiple definition of template ${JSON.stringify(key)}`)
  }

  /** Parses nodes up to `{{end}}` or `{{else…`, including that keyword. */
  function itemList(): { list: TemplateNode[]; end: 'end' | 'else' } {
    const list: TemplateNode[] = []
    while (skip().type !== 'eof') {
      const node = textOrAction()
      if (node === 'end' || node === 'else') return { list, end: node }
      list.push(node)
    }
    return fail(peek(), 'unexpected end: an {{end}} is missing')
  }

  function textOrAction(): TemplateNode | 'end' | 'else' {
    const token = skip()
    if (token.type === 'text') return { kind: 'text', at: token.at, text: next().text }
    if (token.type !== 'left') return unexpected(token, 'input')
    next()
    return action(token)
  }

  function action(left: Token): TemplateNode | 'end' | 'else' {
    const token = skip()
    if (token.type !== 'keyword') {
      return { kind: 'action', at: token.at, pipe: pipeline('command', 'right') }
    }
    next()
    const at = token.at
    switch (token.text) {
      case 'if':
      case 'with':
      case 'range':
        return nested(token, () => control(token.text as 'if' | 'with' | 'range', at))
      case 'end':
        expect('right', 'end')
        return 'end'
      case 'else':
        // After `else`, the keyword `if` or `with` is left to `control`.
        if (!['if', 'with'].includes(skip().text) || peek().type !== 'keyword') expect('right', 'else')
        return 'else'
      case 'break':
      case 'continue':
        expect('right', `{{${token.text}}}`)
        if (ranges === 0) fail(token, `{{${token.text}}} outside {{range}}`)
        return { kind: token.text, at }
      case 'template': {
        const key = name('template clause')
        const pipe = skip().type === 'right' ? undefined : pipeline('template clause', 'right')
        if (pipe === undefined) next()
        return { kind: 'template', at, name: key, pipe }
      }
      case 'block': {
        const key = name('block clause')
        const pipe = pipeline('block clause', 'right')
        nested(token, () => define(key, 'block clause'))
        return { kind: 'template', at, name: key, pipe }
      }
      default:
        return unexpected(token, left.at === 0 ? 'command' : 'this position')
    }
  }

  function control(kind: 'if' | 'with' | 'range', at: number): TemplateNode {
    const scope = variables.length
    const pipe = pipeline(kind, 'right')
    if (kind === 'range') ranges++
    const { list, end } = itemList()
    if (kind === 'range') ranges--
    let otherwise: readonly TemplateNode[] = []
    if (end === 'else') {
      const token = peek()
      if (token.type === 'keyword') {
        if (token.text !== kind) unexpected(token, `else of ${kind}`)
        next()
        otherwise = [nested(token, () => control(kind, token.at))]
      } else {
        const rest = itemList()
        if (rest.end !== 'end') fail(peek(), 'expected end; found {{else}}')
        otherwise = rest.list
      }
    }
    variables.length = scope
    return { kind, at, pipe, list, otherwise }
  }

  function pipeline(context: string, end: 'right' | 'close'): Pipeline {
    const at = skip().at
    const { names, isNew } = declarations(context)
    const commands: Command[] = []
    while (skip().type !== end) {
      if (!OPERANDS.has(peek().type)) unexpected(peek(), context)
      commands.push(command())
    }
    const last = next()
    if (commands.length === 0) fail(last, `missing value for ${context}`)
    commands.slice(1).forEach((one, i) => {
      if (LITERALS.has((one.args[0] as Operand).kind)) {
        throw new TemplateSyntaxError(one.at, `non executable command in pipeline stage ${i + 2}`)
      }
    })
    // Variables are declared last: in `$x := add $x 1` the operand is the outer `$x`.
    return { at, slots: names.map(isNew ? declare : resolve), commands }
  }

  /** Parses `$x :=`, `$x =`, and in a range `$i, $e :=`. */
  function declarations(context: string): { names: Token[]; isNew: boolean } {
    const names: Token[] = []
    while (skip().type === 'variable') {
      const before = index
      const variable = next()
      const sign = skip()
      const comma = sign.type === 'mark' && sign.text === ','
      if (sign.type !== 'assign' && sign.type !== 'declare' && !comma) {
        index = before
        if (names.length > 0) unexpected(sign, context)
        return { names, isNew: false }
      }
      next()
      names.push(variable)
      if (!comma) return { names, isNew: sign.type === 'declare' }
      if (context !== 'range' || names.length > 1) fail(sign, `too many declarations in ${context}`)
      if (skip().type !== 'variable') fail(peek(), 'range can only initialize variables')
    }
    return { names, isNew: false }
  }
  const declare = (token: Token): number => variables.push(token.text) - 1
  const resolve = (token: Token): number => {
    const slot = variables.lastIndexOf(token.text)
    return slot < 0 ? fail(token, `undefined variable ${JSON.stringify(token.text)}`) : slot
  }

  function command(): Command {
    const at = skip().at
    const args: Operand[] = []
    while (true) {
      skip()
      const one = operand()
      if (one !== undefined) args.push(one)
      const token = peek()
      if (token.type === 'space') continue
      if (token.type === 'pipe') next()
      else if (token.type !== 'right' && token.type !== 'close') unexpected(token, 'operand')
      if (args.length === 0) fail(token, 'empty command')
      return { at, args }
    }
  }

  /** Parses a term and the fields that follow it without a space. */
  function operand(): Operand | undefined {
    const one = term()
    if (one === undefined || peek().type !== 'field') return one
    const names: string[] = []
    while (peek().type === 'field') names.push(next().text.slice(1))
    if (one.kind === 'field' || one.kind === 'variable') return { ...one, names: [...one.names, ...names] }
    if (LITERALS.has(one.kind)) throw new TemplateSyntaxError(one.at, 'unexpected . after a constant')
    return { kind: 'chain', at: one.at, of: one, names }
  }

  function term(): Operand | undefined {
    const token = peek()
    const { at } = token
    switch (token.type) {
      case 'identifier':
        checkFunction(token.text, at)
        return { kind: 'function', at, name: next().text }
      case 'dot':
        next()
        return { kind: 'dot', at }
      case 'nil':
        next()
        return { kind: 'nil', at }
      case 'bool':
        return { kind: 'bool', at, value: next().text === 'true' }
      case 'variable':
        return { kind: 'variable', at, slot: resolve(next()), names: [] }
      case 'field':
        return { kind: 'field', at, names: [next().text.slice(1)] }
      case 'string':
      case 'raw':
        return { kind: 'string', at, value: string(next()) }
      case 'number':
      case 'char': {
        const value = parseNumberConstant(next().text)
        return value instanceof Error
          ? fail(token, value.message)
          : { kind: 'number', at, text: token.text, value }
      }
      case 'open':
        next()
        return {
          kind: 'pipe',
          at,
          pipe: nested(token, () => pipeline('parenthesized pipeline', 'close')),
        }
      default:
        return undefined
    }
  }

  const root: TemplateNode[] = []
  while (peek().type !== 'eof') {
    const before = index
    if (peek().type === 'left') {
      next()
      if (skip().text === 'define' && peek().type === 'keyword') {
        next()
        const key = name('define clause')
        expect('right', 'define clause')
        define(key, 'define clause')
        continue
      }
      index = before
    }
    const token = peek()
    const node = textOrAction()
    if (node === 'end' || node === 'else') throw new TemplateSyntaxError(token.at, `unexpected {{${node}}}`)
    root.push(node)
  }
  return { root, templates }
}

const OPERANDS: ReadonlySet<TokenType> = new Set([
  'bool',
  'char',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'raw',
  'string',
  'variable',
  'open',
])
const LITERALS: ReadonlySet<Operand['kind']> = new Set(['bool', 'dot', 'nil', 'number', 'string'])

/** Only white space: another definition of the same name may replace such a one. */
const isEmpty = (nodes: readonly TemplateNode[]): boolean =>
  nodes.every(node => node.kind === 'text' && node.text.trim() === '')
