/** Finds constructs that are valid in a template but probably wrong. */
import { closestMatch } from '../lib/closest_match.ts'
import type { Operand, Pipeline, TemplateNode } from './parser.ts'
import { lineAndColumn, type Template } from './template.ts'

export interface TemplateLint {
  /** 1-based. */
  readonly line: number
  readonly column: number
  readonly message: string
  readonly hint: string
}

/** Functions whose results do not need escaping in a JSON string. */
const JSON_SAFE_FUNCTIONS: ReadonlySet<string> = new Set([
  'adler32sum',
  'b32enc',
  'b64enc',
  'int',
  'int64',
  'len',
  'randAlphaNum',
  'sha1sum',
  'sha256sum',
  'sha512sum',
  'unixEpoch',
  'urlquery',
  'uuidv4',
])

/** Fields of the data that is rendered, with the names of their members if these are fixed. */
export type KnownFields = ReadonlyMap<string, readonly string[] | undefined>

export interface TemplateLintOptions {
  /** The template produces a JSON document (Q-68). */
  readonly json?: boolean
  /** If set, other fields of the data are reported: rendering them fails. */
  readonly fields?: KnownFields
}

/** `guardedPaths` are tested for existence around the node; `dotIsData` is true where `.` is the data itself. */
interface LintScope {
  readonly guardedPaths: ReadonlySet<string>
  readonly dotIsData: boolean
}

/** Reports certain failures, members that print `<no value>` if missing (Q-78), and values that can break JSON (Q-68). */
export function lintTemplate(
  template: Template,
  { json = false, fields }: TemplateLintOptions = {},
): TemplateLint[] {
  const lints: TemplateLint[] = []
  const add = (at: number, message: string, hint: string): void => {
    lints.push({ ...lineAndColumn(template.text, at), message, hint })
  }
  for (const { line, column, message } of template.certainErrors) {
    lints.push({ line, column, message: `fails whenever it is reached: ${message}`, hint: '' })
  }
  let inString = false

  const visit = (nodes: readonly TemplateNode[], scope: LintScope): void => {
    for (const node of nodes) {
      if ('pipe' in node && node.pipe !== undefined) {
        for (const { names, at } of dataFieldsIn(node.pipe, scope.dotIsData)) {
          const problem = fields === undefined ? undefined : unknownField(names, fields)
          if (problem !== undefined) add(at, problem.message, problem.hint)
        }
        for (const use of dataFieldsIn(node.pipe, scope.dotIsData)) {
          const parent = nullableParent(
            use.names,
            new Set([...scope.guardedPaths, ...pathsBefore(node.pipe, use.at)]),
          )
          if (parent !== undefined) add(use.at, ...failsWithout(use.names, parent))
        }
      }
      switch (node.kind) {
        case 'text':
          inString = (node.text.replaceAll(/\\./g, '').split('"').length % 2 === 0) !== inString
          break
        case 'action':
          visitAction(node.pipe, node.at, scope)
          break
        case 'if':
        case 'with':
        case 'range': {
          const guardedPaths = new Set([...scope.guardedPaths, ...pathsIn(node.pipe)])
          visit(node.list, { guardedPaths, dotIsData: scope.dotIsData && node.kind === 'if' })
          visit(node.otherwise, scope)
          break
        }
      }
    }
  }
  const visitAction = (pipe: Pipeline, at: number, { guardedPaths, dotIsData }: LintScope): void => {
    if (pipe.slots.length > 0) return
    if (json && inString && !isJsonSafe(pipe)) {
      const hint = 'write {{ toJson … }}, without quotes around it'
      add(at, 'a value inside of quotes can close them and add members to the JSON (Q-68)', hint)
    }
    const [command, next] = pipe.commands
    const operand = command?.args.length === 1 && next === undefined ? command.args[0] : undefined
    const path = operand === undefined ? undefined : pathOf(operand)
    if (path === undefined || !path.startsWith('Extra.') || guardedPaths.has(path)) return
    if (operand?.kind === 'field' && !dotIsData) return
    // Another lint says that the template fails there.
    if (nullableParent(path.split('.'), guardedPaths) !== undefined) return
    add(
      at,
      `prints "<no value>" where .${path} is missing (Q-78)`,
      `write {{ print .${path} }} to print nothing`,
    )
  }

  const top: LintScope = { guardedPaths: new Set(), dotIsData: true }
  visit(template.tree.root, top)
  return lints
}

/** Objects that every Kratos session has. */
const CERTAIN_OBJECTS: ReadonlySet<string> = new Set(['Extra', 'Extra.identity', 'Extra.identity.traits'])

/**
 * The first object on the way to a member of `Extra` that may be null or missing: reading its member fails. Kratos
 * sends null for `metadata_public`, `metadata_admin` and optional traits that are objects.
 */
function nullableParent(names: readonly string[], guardedPaths: ReadonlySet<string>): string | undefined {
  if (names[0] !== 'Extra') return undefined
  const isGuarded = (path: string): boolean =>
    [...guardedPaths].some(guarded => guarded === path || guarded.startsWith(`${path}.`))
  for (let length = 2; length < names.length; length++) {
    const path = names.slice(0, length).join('.')
    if (!CERTAIN_OBJECTS.has(path) && !isGuarded(path)) return path
  }
  return undefined
}

/** In parentheses, a member of nothing is nothing. */
function failsWithout(names: readonly string[], parent: string): [message: string, hint: string] {
  const [extra, first, ...rest] = names
  const safe = rest.reduce((text, name) => `(${text}).${name}`, `.${extra}.${first}`)
  return [
    `fails, and the request gets 500, where .${parent} is null or missing`,
    `write {{ print (${safe}) }} to print nothing`,
  ]
}

/** Paths that `and` tests before the field is read. */
function pathsBefore({ commands }: Pipeline, at: number): string[] {
  return commands.flatMap(({ args: [head, ...args] }) => {
    if (head?.kind === 'pipe') return pathsBefore(head.pipe, at)
    if (head?.kind !== 'function' || head.name !== 'and') return []
    return args.flatMap(arg => ('at' in arg && arg.at < at ? (pathOf(arg) ?? []) : []))
  })
}

interface FieldUse {
  readonly names: readonly string[]
  readonly at: number
}

/** Fields of the data: of `$`, and of `.` where both are the same. */
function dataFieldsIn({ commands }: Pipeline, dotIsData: boolean): FieldUse[] {
  const usesIn = (arg: Operand): readonly FieldUse[] => {
    if (arg.kind === 'pipe') return dataFieldsIn(arg.pipe, dotIsData)
    if (arg.kind === 'chain') return usesIn(arg.of)
    const ofData = arg.kind === 'field' ? dotIsData : arg.kind === 'variable' && arg.slot === 0
    return ofData && 'names' in arg && arg.names.length > 0 ? [arg] : []
  }
  return commands.flatMap(({ args }) => args.flatMap(usesIn))
}

function unknownField([first = '', second]: readonly string[], fields: KnownFields) {
  const members = fields.get(first)
  const [parent, name, known] =
    members !== undefined && second !== undefined
      ? [`.${first}`, second, members]
      : ['', first, [...fields.keys()]]
  if (known.includes(name)) return undefined
  const suggestion = closestMatch(name, known)
  return {
    message: `fails whenever it is reached: there is no ${parent}.${name}`,
    hint:
      suggestion === undefined
        ? `known: ${known.map(one => `${parent}.${one}`).join(', ')}`
        : `did you mean ${parent}.${suggestion}?`,
  }
}

/** `.A.B` and `$.A.B` as `A.B`. */
function pathOf(operand: Operand): string | undefined {
  if (operand.kind === 'field') return operand.names.join('.')
  return operand.kind === 'variable' && operand.slot === 0 && operand.names.length > 0
    ? operand.names.join('.')
    : undefined
}

function pathsIn({ commands }: Pipeline): string[] {
  return commands
    .flatMap(({ args }) => args)
    .flatMap(arg => {
      if (arg.kind === 'pipe') return pathsIn(arg.pipe)
      return pathOf(arg) ?? []
    })
}

/** A constant, or a result of a function without quotes and backslashes. */
function isJsonSafe({ commands }: Pipeline): boolean {
  const head = commands.at(-1)?.args[0]
  if (head?.kind === 'function') return JSON_SAFE_FUNCTIONS.has(head.name)
  return head?.kind === 'string' || head?.kind === 'number' || head?.kind === 'bool'
}
