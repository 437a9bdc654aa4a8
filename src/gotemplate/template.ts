/** lib/template — Go's text/template with sprig's functions: parse once, render often. Knows nothing of access control. */

import { boundText, bytesOf, Fault, resetBudget, textOf } from '../golang/index.ts'
import { nearest } from '../lib/closest_match.ts'
import type { Clock } from '../lib/time.ts'
import { type Compiled, compile, type Run } from './evaluate.ts'
import { functionNames, lookupFunction, NOT_AVAILABLE } from './function_library.ts'
import { SyntaxFault } from './lexer.ts'
import { type Parsed, parse } from './parser.ts'
import type { Value } from './values/value.ts'

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
  readonly parsed: Parsed
  /** What fails whenever it is reached: a wrong number of arguments, a template that is not defined. */
  readonly doomed: readonly TemplateError[]
  /** The same text for whatever data: it has no actions. */
  readonly constant: string | undefined
  /** Throws `TemplateError` and nothing else. */
  render(data: Value): string
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
  const lookup = lookupFunction(options.clock)
  let parsed: Parsed
  let compiled: Compiled
  try {
    parsed = parse(text, (name, at) => checkFunction(name, at, lookup))
    compiled = compile(parsed, lookup)
  } catch (error) {
    throw placed(text, error instanceof SyntaxFault ? error.at : 0, error)
  }
  const { exec, mutates, doomed } = compiled
  const [only] = parsed.root
  const isText = only === undefined || (parsed.root.length === 1 && only.kind === 'text')
  const constant = isText ? (only?.kind === 'text' ? only.text : '') : undefined
  return {
    name: options.name ?? '',
    text,
    parsed,
    doomed: doomed.map(one => placed(text, one.at, new Fault(one.message))),
    constant,
    render(data) {
      if (constant !== undefined) return constant
      const run: Run = { out: '', at: 0, variables: [data], depth: 0, owned: mutates ? new Map() : undefined }
      try {
        resetBudget()
        exec(run, data)
        boundText(run.out.length)
        return run.out.isWellFormed() ? run.out : textOf(bytesOf(run.out)).toWellFormed()
      } catch (error) {
        throw placed(text, run.at, error)
      }
    },
  }
}

function checkFunction(name: string, at: number, lookup: (name: string) => unknown): void {
  if (name === 'and' || name === 'or' || lookup(name) !== undefined) return
  const why = NOT_AVAILABLE.get(name)
  if (why !== undefined) throw new SyntaxFault(at, `function "${name}" is not available: ${why}`)
  const near = nearest(name, functionNames())
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`
  throw new SyntaxFault(at, `function "${name}" is not defined${hint}`)
}

/** An error with the place of an offset; accidents (a full stack) become errors of the template too. */
function placed(text: string, at: number, error: unknown): TemplateError {
  const { line, column } = placeOf(text, at)
  const own = error instanceof Fault || error instanceof SyntaxFault
  const message = own ? error.message : 'the template could not be run'
  return new TemplateError(line, column, message, own ? undefined : { cause: error })
}

/** 1-based line and column of an offset. */
export function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at)
  const start = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: at - start + 1 }
}
