/** lib/template_lint — what is legal in a template and probably not meant. Knows nothing of access control. */
import { placeOf, type Template } from './template.ts'
import type { Node, Operand, Pipe } from './template_parser.ts'

export interface TemplateLint {
  /** 1-based. */
  readonly line: number
  readonly column: number
  readonly message: string
  readonly hint: string
}

/** Functions whose results need no escaping in a JSON string. */
const PLAIN_RESULTS: ReadonlySet<string> = new Set([
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

/** Where the walk is: what is known to be there, whether `.` is still the session, whether a JSON string is open. */
interface Place {
  readonly guarded: ReadonlySet<string>
  readonly atTop: boolean
}

/**
 * `json`: the template makes a JSON document. Else only what fails for sure, and members that print `<no value>`
 * when they are missing.
 */
export function lintTemplate(template: Template, { json = false } = {}): TemplateLint[] {
  const lints: TemplateLint[] = []
  const add = (at: number, message: string, hint: string): void => {
    lints.push({ ...placeOf(template.text, at), message, hint })
  }
  for (const { line, column, message } of template.doomed) {
    lints.push({ line, column, message: `fails whenever it is reached: ${message}`, hint: '' })
  }
  let inString = false

  const walk = (nodes: readonly Node[], place: Place): void => {
    for (const node of nodes) {
      switch (node.kind) {
        case 'text':
          inString = (node.text.replaceAll(/\\./g, '').split('"').length % 2 === 0) !== inString
          break
        case 'action':
          action(node.pipe, node.at, place)
          break
        case 'if':
        case 'with':
        case 'range': {
          const guarded = new Set([...place.guarded, ...paths(node.pipe)])
          walk(node.list, { guarded, atTop: place.atTop && node.kind === 'if' })
          walk(node.otherwise, place)
          break
        }
      }
    }
  }
  const action = (pipe: Pipe, at: number, { guarded, atTop }: Place): void => {
    if (pipe.slots.length > 0) return
    if (json && inString && !isPlain(pipe)) {
      const hint = 'write {{ toJson … }} without quotes around it'
      add(at, 'a value in quotes can end them and add members to the JSON (Q-68)', hint)
    }
    const [only, second] = pipe.commands
    const operand = only?.args.length === 1 && second === undefined ? only.args[0] : undefined
    const path = operand === undefined ? undefined : pathOf(operand)
    if (path === undefined || !path.startsWith('Extra.') || guarded.has(path)) return
    if (operand?.kind === 'field' && !atTop) return
    add(
      at,
      `prints "<no value>" where .${path} is missing (Q-78)`,
      `write {{ print .${path} }} to print nothing`,
    )
  }

  const top: Place = { guarded: new Set(), atTop: true }
  walk(template.parsed.root, top)
  return lints
}

/** `.A.B` and `$.A.B` as `A.B`. */
function pathOf(operand: Operand): string | undefined {
  if (operand.kind === 'field') return operand.names.join('.')
  return operand.kind === 'variable' && operand.slot === 0 && operand.names.length > 0
    ? operand.names.join('.')
    : undefined
}

function paths({ commands }: Pipe): string[] {
  return commands
    .flatMap(({ args }) => args)
    .flatMap(arg => {
      if (arg.kind === 'pipe') return paths(arg.pipe)
      return pathOf(arg) ?? []
    })
}

/** A constant, or a function's result that holds neither quotes nor backslashes. */
function isPlain({ commands }: Pipe): boolean {
  const head = commands.at(-1)?.args[0]
  if (head?.kind === 'function') return PLAIN_RESULTS.has(head.name)
  return head?.kind === 'string' || head?.kind === 'number' || head?.kind === 'bool'
}
