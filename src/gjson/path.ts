/** Splits a path into its parts, as gjson 1.19 does. Long because it is one grammar, whose forms nest in one another. */

/** Names of the modifiers, which a path calls with `@`. */
const MODIFIERS: ReadonlySet<string> = new Set([
  'dig',
  'flatten',
  'fromstr',
  'group',
  'join',
  'keys',
  'pretty',
  'reverse',
  'this',
  'tostr',
  'ugly',
  'valid',
  'values',
])

/** A part, and the rest of the path after a dot (`next`) or a pipe (`pipe`, which is applied even if nothing was found). */
export interface PathSegment {
  readonly part: string
  readonly next: string | undefined
  readonly pipe: string | undefined
}

/** Splits off the first part as a key of an object. `wild`: the part contains an unescaped `*` or `?`. */
export function parseKeySegment(path: string): PathSegment & { readonly wild: boolean } {
  let part = ''
  let wild = false
  for (let i = 0; i < path.length; i++) {
    const char = path[i] as string
    if (char === '|') return { part, next: undefined, pipe: path.slice(i + 1), wild }
    if (char === '.') return { part, ...afterDot(path.slice(i + 1)), wild }
    if (char === '\\') {
      part += path[++i] ?? ''
      continue
    }
    if (char === '*' || char === '?') wild = true
    part += char
  }
  return { part, next: undefined, pipe: undefined, wild }
}

/** A dot before a modifier or a multipath has the meaning of a pipe. */
function afterDot(rest: string): Pick<PathSegment, 'next' | 'pipe'> {
  return startsModifierOrMultipath(rest) ? { next: undefined, pipe: rest } : { next: rest, pipe: undefined }
}

function startsModifierOrMultipath(text: string): boolean {
  if (text[0] === '{' || text[0] === '[') return true
  return text[0] === '@' && MODIFIERS.has(/^[^.|:]*/.exec(text.slice(1))?.[0] as string)
}

export interface ListSegment extends PathSegment {
  /** The part contains a `#`, so it is not an index. */
  readonly hash: boolean
  /** The path behind `#.`, which is applied to each element. */
  readonly each: string | undefined
  readonly query: ListQuery | undefined
}

export interface ListQuery {
  readonly path: string
  /** `==` is normalized to `=`; empty if the query tests only for existence. */
  readonly operator: string
  readonly operand: string
  /** `#(…)#`: select all matching elements. */
  readonly all: boolean
}

/** Splits off the first part as an index or query of a list. */
export function parseListSegment(path: string): ListSegment {
  let hash = false
  let each: string | undefined
  let query: ListQuery | undefined
  const end = (i: number, rest: Pick<PathSegment, 'next' | 'pipe'>): ListSegment => ({
    part: path.slice(0, i),
    ...rest,
    hash,
    each,
    query,
  })
  const nothing = { next: undefined, pipe: undefined }
  for (let i = 0; i < path.length; i++) {
    const char = path[i]
    if (char === '|') return end(i, { next: undefined, pipe: path.slice(i + 1) })
    if (char === '.') {
      const rest = path.slice(i + 1)
      return end(i, hash ? { next: rest, pipe: undefined } : afterDot(rest))
    }
    if (char !== '#') continue
    hash = true
    if (i > 0 || path.length === 1) continue
    if (path[1] === '.') each = path.slice(2)
    else if (path[1] === '(' || path[1] === '[') {
      const read = parseQueryAt(path)
      // gjson treats a query without a closing bracket as empty.
      if (read === undefined) {
        query = { path: '', operator: '', operand: '', all: false }
        return end(path.length, nothing)
      }
      query = { ...read.query, all: path[read.end] === '#' }
      i = read.end - 1
    }
  }
  return end(path.length, nothing)
}

const OPERATOR = /^(?:!=|!%|<=|>=|==|[!=<>%])/

/** Parses `#(path op value)` at the start of a path; `end` is the index after its bracket. */
function parseQueryAt(path: string): { query: Omit<ListQuery, 'all'>; end: number } | undefined {
  let depth = 1
  let operator = 0
  let escaped = false
  let i = 2
  for (; i < path.length; i++) {
    const char = path[i] as string
    if (depth === 1 && operator === 0 && '!=<>%'.includes(char)) {
      operator = i
      continue
    }
    if (char === '\\') i++
    else if (char === '[' || char === '(') depth++
    else if (char === ']' || char === ')') {
      if (--depth === 0) break
    } else if (char === '"') {
      for (i++; i < path.length && path[i] !== '"'; i++) {
        if (path[i] !== '\\') continue
        escaped = true
        i++
      }
    }
  }
  if (depth > 0) return undefined
  if (operator === 0) {
    return { query: { path: trimBlanks(path.slice(2, i)), operator: '', operand: '' }, end: i + 1 }
  }
  const condition = trimBlanks(path.slice(operator, i))
  const sign = OPERATOR.exec(condition)?.[0] as string
  const operand = trimBlanks(condition.slice(sign.length))
  return {
    query: {
      path: trimBlanks(path.slice(2, operator)),
      operator: sign === '==' ? '=' : sign,
      operand: parseOperand(operand, escaped),
    },
    end: i + 1,
  }
}

function parseOperand(text: string, escaped: boolean): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text
  return escaped ? readEscapes(text.slice(1, -1)) : text.slice(1, -1)
}

/** Decodes JSON escapes; an invalid one ends the string, as in gjson. */
function readEscapes(text: string): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (char < ' ') return out
    if (char !== '\\') {
      out += char
      continue
    }
    const letter = text[++i] ?? ''
    const plain = JSON_ESCAPES.get(letter)
    const hex = letter === 'u' ? /^[0-9A-Fa-f]{4}/.exec(text.slice(i + 1))?.[0] : undefined
    if (plain === undefined && hex === undefined) return out
    out += plain ?? String.fromCharCode(Number.parseInt(hex as string, 16))
    if (hex !== undefined) i += 4
  }
  return out
}

const JSON_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

function trimBlanks(text: string): string {
  return text.replace(/^[\0- ]+/, '').replace(/[\0- ]+$/, '')
}

/** Splits at the first pipe: the part before it applies to each element of a list, the part after it to the result. */
export function splitAtPipe(path: string): { readonly before: string; readonly after: string } | undefined {
  if (path[0] === '{') {
    const end = indexAfterClosing(path, 0)
    return path[end] === '|' ? { before: path.slice(0, end), after: path.slice(end + 1) } : undefined
  }
  for (let i = 0; i < path.length; i++) {
    if (path[i] === '\\') i++
    else if (path[i] === '|') return { before: path.slice(0, i), after: path.slice(i + 1) }
    else if (path[i] === '.') {
      if (i === path.length - 1) return undefined
      if (path[i + 1] !== '#') continue
      i += 2
      if (i === path.length) return undefined
      if (path[i] === '[' || path[i] === '(') i = indexAfterClosing(path, i) - 1
    }
  }
  return undefined
}

/** Index after the bracket or quote that closes the one at `from`; the end of the text if there is none. */
export function indexAfterClosing(text: string, from: number): number {
  let depth = text[from] === '"' ? 0 : 1
  for (let i = text[from] === '"' ? from : from + 1; i < text.length; i++) {
    const char = text[i]
    if (char === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++
      if (depth === 0) return Math.min(i + 1, text.length)
    } else if (char === '{' || char === '[' || char === '(') depth++
    else if ((char === '}' || char === ']' || char === ')') && --depth === 0) return i + 1
  }
  return text.length
}

export interface MultipathMember {
  /** The text before the colon; `undefined` without a colon. */
  readonly name: string | undefined
  readonly path: string
}

/** Parses `{a,"name":b}` or `[a,b]` at the start of a path; `undefined` without a closing bracket. */
export function parseMultipath(
  path: string,
): { readonly members: MultipathMember[]; readonly rest: string } | undefined {
  const members: MultipathMember[] = []
  let depth = 1
  let start = 1
  let colon = 0
  let inModifier = false
  for (let i = 1; i < path.length; i++) {
    const char = path[i] as string
    const before = path[i - 1]
    if (char === '\\') i++
    else if (char === '@' && (before === '.' || before === '|')) inModifier = true
    else if (char === ':' && !inModifier && colon === 0 && depth === 1) colon = i
    else if (char === '"') i = indexAfterClosing(path, i) - 1
    else if (char === '[' || char === '(' || char === '{') depth++
    else {
      if (char === ']' || char === ')' || char === '}') depth--
      if (depth > 1 || (depth === 1 && char !== ',')) continue
      members.push(
        colon === 0
          ? { name: undefined, path: path.slice(start, i) }
          : { name: path.slice(start, colon), path: path.slice(colon + 1, i) },
      )
      if (depth === 0) return { members, rest: path.slice(i + 1) }
      start = i + 1
      colon = 0
      inModifier = false
    }
  }
  return undefined
}

/** The name of a multipath member that has none: the last key of its path. */
export function lastKey(path: string): string {
  let name = path
  for (let i = path.length - 1; i >= 0; i--) {
    if ((path[i] === '|' || path[i] === '.') && path[i - 1] !== '\\') {
      name = path.slice(i + 1)
      break
    }
  }
  return /[\0-\x1f[\]{}()#|!]/.test(name) ? '_' : name
}

/** Parses `@name:argument` at the start of a path; `rest` starts with the dot or pipe that follows. */
export function parseModifier(
  path: string,
): { readonly name: string; readonly argument: string; readonly rest: string } | undefined {
  const [, name, mark = ''] = /^@([^:|.]*)(.?)/s.exec(path) as unknown as [string, string, string]
  if (!MODIFIERS.has(name)) return undefined
  const after = path.slice(1 + name.length)
  if (mark !== ':') return { name, argument: '', rest: after }
  const text = after.slice(1)
  let end = 0
  if (/^[{["]/.test(text)) end = indexAfterClosing(text, 0)
  else {
    while (end < text.length && text[end] !== '|')
      end = /[{["(]/.test(text[end] as string) ? indexAfterClosing(text, end) : end + 1
  }
  return { name, argument: text.slice(0, end), rest: text.slice(end) }
}
