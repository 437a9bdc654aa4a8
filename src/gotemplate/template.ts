/** Parses a template of Go's text/template with sprig's functions, and renders it. */

import { assertTextLength, bytesToString, GoError, resetStepBudget, stringToBytes } from '../golang/index.ts'
import { closestMatch } from '../lib/closest_match.ts'
import type { Clock } from '../lib/time.ts'
import { type CompiledTemplate, compileTree, type RenderState } from './evaluate.ts'
import { createFunctionLookup, functionNames, UNAVAILABLE_FUNCTIONS } from './function_library.ts'
import { TemplateSyntaxError } from './lexer.ts'
import { type ParseTree, parseTree } from './parser.ts'
import type { GoValue } from './values/value.ts'

/** A syntax error, or a failure while rendering; line and column are 1-based. The message contains no data. */
export class TemplateError extends Error {
  readonly line: number
  readonly column: number
  constructor(line: number, column: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.line = line
    this.column = column
  }
}

export interface Template {
  readonly name: string
  readonly text: string
  /** For lints. */
  readonly tree: ParseTree
  /** Errors that occur whenever their action is reached: a wrong number of arguments, an undefined template. */
  readonly certainErrors: readonly TemplateError[]
  /** The output if the template has no actions, so that it does not depend on the data. */
  readonly constant: string | undefined
  /** Throws a `TemplateError` and nothing else. Limits: see `golang/limits.ts`. */
  render(data: GoValue): string
}

export interface TemplateOptions {
  /** For messages about the template. */
  readonly name?: string
  /** For `now`, `ago` and others, which fail without it. */
  readonly clock?: Pick<Clock, 'wall'>
}

/**
 * Parses a template as Oathkeeper does: with the option missingkey=zero, sprig 3.3.0, and its own `print` and
 * `printIndex`. Throws a `TemplateError` for a syntax error and for an unknown or forbidden function.
 */
export function parseTemplate(text: string, options: TemplateOptions = {}): Template {
  const lookup = createFunctionLookup(options.clock)
  let parsed: ParseTree
  let compiled: CompiledTemplate
  try {
    parsed = parseTree(text, (name, at) => assertFunctionExists(name, at, lookup))
    compiled = compileTree(parsed, lookup)
  } catch (error) {
    throw toTemplateError(text, error instanceof TemplateSyntaxError ? error.at : 0, error)
  }
  const { execute, mutates, certainFailures } = compiled
  const [firstNode] = parsed.root
  const isText = firstNode === undefined || (parsed.root.length === 1 && firstNode.kind === 'text')
  const constant = isText ? (firstNode?.kind === 'text' ? firstNode.text : '') : undefined
  return {
    name: options.name ?? '',
    text,
    tree: parsed,
    certainErrors: certainFailures.map(one => toTemplateError(text, one.at, new GoError(one.message))),
    constant,
    render(data) {
      if (constant !== undefined) return constant
      const state: RenderState = {
        output: '',
        at: 0,
        variables: [data],
        depth: 0,
        copies: mutates ? new Map() : undefined,
      }
      try {
        resetStepBudget()
        execute(state, data)
        assertTextLength(state.output.length)
        return state.output.isWellFormed()
          ? state.output
          : bytesToString(stringToBytes(state.output)).toWellFormed()
      } catch (error) {
        throw toTemplateError(text, state.at, error)
      }
    },
  }
}

function assertFunctionExists(name: string, at: number, lookup: (name: string) => unknown): void {
  if (name === 'and' || name === 'or' || lookup(name) !== undefined) return
  const why = UNAVAILABLE_FUNCTIONS.get(name)
  if (why !== undefined) throw new TemplateSyntaxError(at, `function "${name}" is not available: ${why}`)
  const suggestion = closestMatch(name, functionNames())
  const hint = suggestion === undefined ? '' : ` (did you mean "${suggestion}"?)`
  throw new TemplateSyntaxError(at, `function "${name}" is not defined${hint}`)
}

/** Adds the position. An unexpected error, such as a stack overflow, is the cause of a generic one. */
function toTemplateError(text: string, at: number, error: unknown): TemplateError {
  const { line, column } = lineAndColumn(text, at)
  const own = error instanceof GoError || error instanceof TemplateSyntaxError
  const message = own ? error.message : 'the template failed unexpectedly'
  return new TemplateError(line, column, message, own ? undefined : { cause: error })
}

/** Converts an offset in UTF-16 code units to a 1-based position. */
export function lineAndColumn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at)
  const start = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: at - start + 1 }
}
