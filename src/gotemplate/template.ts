/** lib/template — Go's text/template with sprig's functions: parse once, render often. Knows nothing of access control. */

import { assertTextLength, bytesToString, GoError, resetStepBudget, stringToBytes } from '../golang/index.ts'
import { closestMatch } from '../lib/closest_match.ts'
import type { Clock } from '../lib/time.ts'
import { type CompiledTemplate, compileTree, type RenderState } from './evaluate.ts'
import { createFunctionLookup, functionNames, UNAVAILABLE_FUNCTIONS } from './function_library.ts'
import { TemplateSyntaxError } from './lexer.ts'
import { type ParseTree, parseTree } from './parser.ts'
import type { GoValue } from './values/value.ts'

/** What is wrong with a template, or went wrong in it; 1-based line and column. The message names no data. */
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
  /** The tree, for lints. */
  readonly tree: ParseTree
  /** What fails whenever it is reached: a wrong number of arguments, a template that is not defined. */
  readonly certainErrors: readonly TemplateError[]
  /** The same text for whatever data: it has no actions. */
  readonly constant: string | undefined
  /** Throws `TemplateError` and nothing else. */
  render(data: GoValue): string
}

export interface TemplateOptions {
  /** For the reader of an error. */
  readonly name?: string
  /** For `now`, `ago` and their like; without it they fail. */
  readonly clock?: Pick<Clock, 'wall'>
}

/**
 * Parses Go's text/template as Oathkeeper runs it: option missingkey=zero, sprig 3.3.0, `print` and `printIndex` of its
 * own (spec 6.0). Throws `TemplateError` for what Go's parser refuses, and for functions that do not exist or may not be
 * used.
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
  const { execute: exec, mutates, certainFailures: doomed } = compiled
  const [firstNode] = parsed.root
  const isText = firstNode === undefined || (parsed.root.length === 1 && firstNode.kind === 'text')
  const constant = isText ? (firstNode?.kind === 'text' ? firstNode.text : '') : undefined
  return {
    name: options.name ?? '',
    text,
    tree: parsed,
    certainErrors: doomed.map(one => toTemplateError(text, one.at, new GoError(one.message))),
    constant,
    render(data) {
      if (constant !== undefined) return constant
      const run: RenderState = {
        output: '',
        at: 0,
        variables: [data],
        depth: 0,
        copies: mutates ? new Map() : undefined,
      }
      try {
        resetStepBudget()
        exec(run, data)
        assertTextLength(run.output.length)
        return run.output.isWellFormed()
          ? run.output
          : bytesToString(stringToBytes(run.output)).toWellFormed()
      } catch (error) {
        throw toTemplateError(text, run.at, error)
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

/** An error with the place of an offset; accidents (a full stack) become errors of the template too. */
function toTemplateError(text: string, at: number, error: unknown): TemplateError {
  const { line, column } = lineAndColumn(text, at)
  const own = error instanceof GoError || error instanceof TemplateSyntaxError
  const message = own ? error.message : 'the template could not be run'
  return new TemplateError(line, column, message, own ? undefined : { cause: error })
}

/** 1-based line and column of an offset. */
export function lineAndColumn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at)
  const start = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: at - start + 1 }
}
